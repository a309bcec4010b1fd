"""The Python environment that the pipeline runs in: more locked requirements when they are needed.

The launcher installs `requirements/run.txt`; tests, linters and Node's wheel come on first use.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from scripts.shared import commands
from scripts.shared.console import say
from scripts.shared.errors import CommandFailed
from scripts.shared.paths import REPOSITORY


def lock_path(name: str) -> Path:
    """The lock file of a requirement set: `run`, `node` or `dev`."""
    return REPOSITORY / "requirements" / f"{name}.txt"


def ensure(name: str) -> None:
    """Install the locked set `name` into the running environment, once for each lock's content."""
    lock = lock_path(name)
    stamp = Path(sys.prefix) / f".installed-{name}"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8").strip() == digest:
        return
    say(f"installing requirements/{name}.txt")
    result = commands.capture(install_argv(lock, Path(sys.prefix), shutil.which("uv")))
    if result.code != 0:
        raise CommandFailed(
            f"requirements/{name}.txt could not be installed.",
            why=result.err[-1500:],
            next="Check that the Python package index is in reach, then repeat.",
        )
    stamp.write_text(digest + "\n", encoding="utf-8")


def install_argv(lock: Path, prefix: Path, uv: str | None) -> list[str]:
    """The install command: an environment made by uv has no pip of its own."""
    if uv and not list(prefix.glob("lib/python3*/site-packages/pip")):
        python = str(prefix / "bin" / "python")
        return [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes",
                "--requirement", str(lock)]  # fmt: skip
    return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--require-hashes", "--requirement", str(lock)]  # fmt: skip


if __name__ == "__main__":
    ensure(sys.argv[1])
