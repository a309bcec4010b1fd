"""Pip or uv: which one installs Python packages into the environment that runs this pipeline."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Installer(Protocol):
    """What the pipeline asks of pip and uv; each method decides an argv and runs nothing."""

    def install_argv(self, lock: Path) -> list[str]:
        """Install a lock file with hashes into the running environment."""

    def fetch_argv(self, requirement: str, folder: Path) -> list[str]:
        """Fetch one wheel into `folder`: as a file, or unpacked. Nothing is built or installed."""


@dataclass(frozen=True)
class Pip:
    """The pip of the Python at `python`."""

    python: str = sys.executable

    def install_argv(self, lock: Path) -> list[str]:
        """As the protocol has it."""
        return [*self._argv("install"), "--quiet", "--require-hashes", "--requirement", str(lock)]

    def fetch_argv(self, requirement: str, folder: Path) -> list[str]:
        """As the protocol has it: a wheel file."""
        how = ["--no-deps", "--only-binary", ":all:", "--retries", "2"]
        return [*self._argv("download"), *how, "--dest", str(folder), requirement]

    def _argv(self, verb: str) -> list[str]:
        return [self.python, "-m", "pip", "--disable-pip-version-check", verb]


@dataclass(frozen=True)
class Uv:
    """uv, for the Python at `python`: an environment that uv made has no pip of its own."""

    program: str
    python: str = sys.executable

    def install_argv(self, lock: Path) -> list[str]:
        """As the protocol has it."""
        return [*self._argv(), "--quiet", "--require-hashes", "--requirement", str(lock)]

    def fetch_argv(self, requirement: str, folder: Path) -> list[str]:
        """As the protocol has it: unpacked, since uv cannot only download."""
        how = ["--no-deps", "--only-binary", ":all:", "--link-mode", "copy"]
        return [*self._argv(), *how, "--target", str(folder), requirement]

    def _argv(self) -> list[str]:
        return [self.program, "pip", "install", "--python", self.python]


def find() -> Installer | None:
    """Pip where this environment has it, else uv where it is on PATH, else None."""
    if importlib.util.find_spec("pip"):
        return Pip()
    uv = shutil.which("uv")
    return Uv(uv) if uv else None
