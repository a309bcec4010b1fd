"""Runs other programs: argv lists only, stopped in steps, failures reported in full."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from scripts.shared.console import echo
from scripts.shared.errors import CommandFailed

#: Seconds that an interrupted child has to end by itself, and then after SIGTERM.
GRACE = 10.0

#: Bytes of a stream passed over at once.
CHUNK = 1 << 20


@dataclass(frozen=True)
class Result:
    """A finished command: exit status and its decoded output, without the final newline."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str


def capture(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    stdin: str | None = None,
) -> Result:
    """Run silently and return output and status; 127 for a program that is not there.

    124 after `timeout` seconds, as timeout(1) has it. Never raises for a bad status.
    """
    try:
        done = subprocess.run(
            argv,
            env=_environment(env),
            cwd=cwd,
            timeout=timeout,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        return Result(tuple(argv), 127, "", str(error))
    except PermissionError as error:
        # A folder of PATH that this user may not read gives it for a program that is not there.
        there = "/" in argv[0] or shutil.which(argv[0], mode=os.F_OK)
        return Result(tuple(argv), 126 if there else 127, "", str(error))
    except subprocess.TimeoutExpired:
        return Result(tuple(argv), 124, "", f"no answer within {timeout:g} s")
    return Result(tuple(argv), done.returncode, done.stdout.rstrip("\n"), done.stderr.rstrip("\n"))


def check(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    stdin: str | None = None,
) -> str:
    """Like `capture`, but a bad status raises `CommandFailed`; returns standard output."""
    result = capture(argv, env=env, cwd=cwd, timeout=timeout, stdin=stdin)
    if result.code != 0:
        raise CommandFailed(
            f"`{' '.join(argv[:4])} ...` exited with {result.code}.",
            why=(result.err or result.out)[-2000:],
        )
    return result.out


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    quiet: bool = False,
) -> int:
    """Echo a command, run it on this terminal and return its exit status.

    On Ctrl-C the child, which gets the signal from the terminal as well, is given time to clean
    up; then it is ended, and `KeyboardInterrupt` is raised again.
    """
    if not quiet:
        echo(argv)
    child = _start(argv, env=_environment(env), cwd=cwd)
    try:
        return child.wait()
    except BaseException:
        stop(child, first=signal.SIGINT)
        raise


def stop(child: subprocess.Popen[bytes], first: signal.Signals = signal.SIGTERM) -> None:
    """End a child in steps: `first`, SIGTERM, SIGKILL, with `GRACE` seconds between them."""
    for step in (first, signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            return
        child.send_signal(step)
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            continue


def _start(argv: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(argv, **how)
    except FileNotFoundError as error:
        raise CommandFailed(f"`{argv[0]}` is not installed.", why=str(error)) from None
    except PermissionError as error:
        raise CommandFailed(f"`{argv[0]}` cannot be run.", why=str(error)) from None


def _environment(more: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if more is None else {**os.environ, **more}


def replace(argv: Sequence[str]) -> NoReturn:
    """Run a program in the place of this process, whose exit status is then the program's."""
    sys.stdout.flush()
    os.execv(argv[0], list(argv))  # noqa: S606 - no shell is wanted


@contextmanager
def stream(argv: Sequence[str]) -> Iterator[IO[bytes]]:
    """Run a command and yield its standard output while it comes.

    A reader that stops early ends the command; a bad status after a full read raises
    `CommandFailed`.
    """
    # A file takes all error output; a pipe that is not read would block the command.
    with tempfile.TemporaryFile() as errors:
        child = _start(argv, stdout=subprocess.PIPE, stderr=errors)
        assert child.stdout  # noqa: S101 - PIPE above
        try:
            yield child.stdout
            while child.stdout.read(CHUNK):
                pass
            if child.wait() != 0:
                errors.seek(0)
                why = errors.read().decode(errors="replace").strip()
                raise CommandFailed(f"`{' '.join(argv[:4])} ...` failed.", why=why[-2000:])
        finally:
            child.stdout.close()
            stop(child)
