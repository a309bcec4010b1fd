"""Locks the Python requirements, with hashes and for every platform, by uv out of its own wheel."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from scripts.shared import commands
from scripts.shared.console import say
from scripts.shared.errors import CommandFailed
from scripts.shared.paths import REPOSITORY

#: Each lock, and the locks whose versions it must share.
LOCKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("run", ()),
    ("node", ()),
    ("dev", ("run", "node")),
)


#: Lists of wheels that stages of the Dockerfile unpack, one by one.
WHEELS = "docker/*/*.in"


def wheels_argv(uv: str, name: str) -> list[str]:
    """The uv call for a list of wheels: what they depend on is in the list or not needed."""
    return [uv, "pip", "compile", "--quiet", "--upgrade", "--no-deps", "--universal",
            "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url",
            "--no-emit-find-links", "--no-header", f"{name}.in", "--output-file",
            f"{name}.txt"]  # fmt: skip


def compile_argv(uv: str, name: str, constraints: tuple[str, ...]) -> list[str]:
    """The uv call. No index's address is written: each user's pip asks the one it is set to."""
    folder = "requirements"
    argv = [uv, "pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", "3.11",
            "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links",
            "--no-header"]  # fmt: skip
    for constraint in constraints:
        argv += ["--constraint", f"{folder}/{constraint}.txt"]
    return [*argv, f"{folder}/{name}.in", "--output-file", f"{folder}/{name}.txt"]


def compile_all() -> None:
    """Write all locks again. uv is installed elsewhere: the project itself does not need it."""
    with tempfile.TemporaryDirectory() as folder:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, "uv"]
        commands.check(install)
        uv = str(Path(folder) / "bin" / "uv")
        for name, constraints in LOCKS:
            if commands.run(compile_argv(uv, name, constraints), cwd=REPOSITORY) != 0:
                raise CommandFailed(f"requirements/{name}.txt could not be locked.")
            say(f"locked requirements/{name}.txt")
        for path in sorted(REPOSITORY.glob(WHEELS)):
            name = str(path.relative_to(REPOSITORY).with_suffix(""))
            if commands.run(wheels_argv(uv, name), cwd=REPOSITORY) != 0:
                raise CommandFailed(f"{name}.txt could not be locked.")
            say(f"locked {name}.txt")
