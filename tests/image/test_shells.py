"""Completion in the real shells, interactive where they need it, out of Debian's packages."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.shared import commands
from scripts.shared.paths import REPOSITORY
from tests.debian_programs import libraries, unpack

#: Seconds for an answer: each Tab starts Python.
PATIENCE = 120.0


class Terminal:
    """An interactive shell on a terminal of its own."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.seen = ""

    def type(self, text: str) -> None:
        self.seen = ""
        os.write(self.descriptor, text.encode())

    def expect(self, text: str) -> None:
        """Read until `text` was shown."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert time.monotonic() < end, f"{text!r} is not in {self.seen!r}"
            if select.select([self.descriptor], [], [], 0.5)[0]:
                self.seen += os.read(self.descriptor, 4096).decode(errors="replace")


@contextmanager
def terminal(argv: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Iterator[Terminal]:
    """Start a shell in `folder`; it is ended with all that it started."""
    pid, descriptor = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(argv[0], list(argv), {**os.environ, **environ, "TERM": "dumb"})  # noqa: S606 - a shell it is
    try:
        yield Terminal(descriptor)
    finally:
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(descriptor)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the launcher, as this environment's Python runs it."""
    launcher = tmp_path / "mentator"
    program = REPOSITORY / "scripts" / "command_line"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}" "$0" "$@"\n')
    launcher.chmod(0o755)
    return tmp_path


def complete_by_tab(shell: Terminal, name: str) -> None:
    """Read the script in as README says, then press Tab in a task, a flag and a value."""
    shell.type(f"source <(./mentator --print-completion-script {name}); echo rea''dy\n")
    shell.expect("ready")
    shell.type("./mentator publ\t")
    shell.expect("publish ")
    shell.type("\x15./mentator build --vari\t")
    shell.expect("--variant ")
    shell.type("cu\t")
    shell.expect("cuda ")


def test_zsh_completes_at_the_tab_key(folder: Path) -> None:
    root = unpack("zsh", "zsh", "zsh-common")
    (folder / ".zshrc").write_text(
        f"module_path=({root}/usr/lib/*/zsh/*(/N))\n"
        f"fpath=({root}/usr/share/zsh/functions/**/*(/N) {root}/usr/share/zsh/functions)\n"
    )
    environ = {"ZDOTDIR": str(folder), "HOME": str(folder)}
    with terminal([str(root / "bin" / "zsh"), "-i"], folder, environ) as shell:
        complete_by_tab(shell, "zsh")


def test_bash_completes_at_the_tab_key(folder: Path) -> None:
    environ = {"HOME": str(folder)}
    with terminal(["/bin/bash", "--norc", "-i"], folder, environ) as shell:
        complete_by_tab(shell, "bash")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("publ", ["publish"]),
        ("build --vari", ["--variant"]),
        ("build --variant c", ["cpu", "cuda"]),
        ("up --backend=r", ["--backend=rocm"]),
    ],
)
def test_fish_completes(folder: Path, words: str, found: list[str]) -> None:
    root = unpack("fish", "fish", "fish-common", "libpcre2-32-0")
    script = (
        "./mentator --print-completion-script fish | source; "
        f"complete --do-complete './mentator {words}'"
    )
    environ = {**libraries(root), "HOME": str(folder)}
    argv = [str(root / "usr" / "bin" / "fish"), "--no-config", "--command", script]
    done = commands.capture(argv, env=environ, cwd=folder)
    assert sorted(done.out.split()) == found, done.err
