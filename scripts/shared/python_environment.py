"""The Python environment that the pipeline runs in: more locked requirements when they are needed.

The launcher installs `requirements/run.txt`; tests, linters and Node's wheel come on first use.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from scripts.shared import commands, package_installer
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
    installer = package_installer.find()
    if installer is None:
        raise CommandFailed(
            f"requirements/{name}.txt cannot be installed: this Python has no pip.",
            next=f"Run `{sys.executable} -m ensurepip`, or install uv.",
        )
    result = commands.capture(installer.install_argv(lock), env=package_installer.isolation())
    if result.code != 0:
        raise CommandFailed(
            f"requirements/{name}.txt could not be installed.",
            why=result.err[-1500:],
            next="Check that the package index is in reach, then run the same command again.",
        )
    stamp.write_text(digest + "\n", encoding="utf-8")


if __name__ == "__main__":
    ensure(sys.argv[1])
