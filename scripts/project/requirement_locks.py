"""Locks the Python requirements, with hashes and for every platform, by uv out of its own wheel."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from scripts.shared import commands
from scripts.shared.console import say
from scripts.shared.errors import CommandFailed
from scripts.shared.package_installer import isolation
from scripts.shared.paths import REPOSITORY

#: Each lock, and the locks whose versions it must share.
LOCKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("run", ()),
    ("node", ()),
    ("dev", ("run", "node")),
)


#: Lists of wheels that stages of the Dockerfile, or tests, unpack one by one.
WHEELS = ("docker/*/*.in", "tests/programs/*.in")


def wheel_lists() -> list[Path]:
    """The lists of wheels, to be locked each beside itself."""
    return sorted(path for pattern in WHEELS for path in REPOSITORY.glob(pattern))


def compile_argv(uv: str, name: str, *options: str) -> list[str]:
    """The uv call. No index's address is written: each user's pip asks the one it is set to."""
    return [uv, "pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", "3.11",
            "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links",
            "--no-header", *options, f"{name}.in", "--output-file", f"{name}.txt"]  # fmt: skip


def compile_all() -> None:
    """Write all locks again. uv is installed elsewhere: the project itself does not need it."""
    with tempfile.TemporaryDirectory() as folder:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, "uv"]
        # With a target of its own, which a variable of the shell would contradict.
        commands.check(install, env=isolation())
        uv = str(Path(folder) / "bin" / "uv")
        calls = {
            f"requirements/{name}": [f"--constraint=requirements/{other}.txt" for other in others]
            for name, others in LOCKS
        }
        for path in wheel_lists():
            # What the wheels depend on is in their list or not needed.
            calls[str(path.relative_to(REPOSITORY).with_suffix(""))] = ["--no-deps"]
        for name, options in calls.items():
            argv = compile_argv(uv, name, *options)
            if commands.run(argv, cwd=REPOSITORY, env=isolation()) != 0:
                raise CommandFailed(f"{name}.txt could not be locked.")
            say(f"locked {name}.txt")
