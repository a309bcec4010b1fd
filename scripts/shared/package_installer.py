"""Pip or uv: which one installs Python packages into the environment that runs this pipeline."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

#: pip's variables that say how its index is reached, without `PIP_`. The others move what it
#: installs (PIP_TARGET, PIP_USER, PIP_PREFIX) or change what that is (PIP_CONSTRAINT, PIP_DRY_RUN).
#: The launcher, `mentator`, has the same list.
KEPT = frozenset(
    (
        *("INDEX_URL", "EXTRA_INDEX_URL", "NO_INDEX", "FIND_LINKS", "TRUSTED_HOST"),
        *("CERT", "CLIENT_CERT", "PROXY", "TIMEOUT", "DEFAULT_TIMEOUT", "RETRIES"),
        *("CACHE_DIR", "NO_CACHE_DIR", "CONFIG_FILE", "KEYRING_PROVIDER"),
    )
)

#: Variables that give Python other modules, and uv another place or other versions.
REMOVED = (
    *("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "PYTHONINSPECT", "PYTHONPLATLIBDIR"),
    *("UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE", "UV_EXCLUDE_NEWER", "UV_NO_BINARY"),
    *("UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_BREAK_SYSTEM_PACKAGES"),
)


def isolation(environ: Mapping[str, str] | None = None) -> dict[str, None]:
    """The variables to take out of an installer's environment, for `scripts.shared.commands`."""
    given = os.environ if environ is None else environ
    pip = [name for name in given if name.startswith("PIP_") and name[4:] not in KEPT]
    return dict.fromkeys([*pip, *(name for name in REMOVED if name in given)])


class Installer(Protocol):
    """What the pipeline asks of pip and uv; each method decides an argv and runs nothing."""

    def install_argv(self, lock: Path) -> list[str]:
        """Install a lock file with hashes into the running environment.

        The lock names every package, so dependencies are not looked for: where one is asked for
        with an extra (`coverage[toml]`), pip 23 takes its newest version, which has no hash here.
        """

    def fetch_argv(self, requirement: str, folder: Path) -> list[str]:
        """Fetch one wheel into `folder`: as a file, or unpacked. Nothing is built or installed."""


@dataclass(frozen=True)
class Pip:
    """The pip of the Python at `python`."""

    python: str = sys.executable

    def install_argv(self, lock: Path) -> list[str]:
        """As the protocol has it."""
        return [
            *self._argv("install"),
            "--quiet",
            "--no-user",
            "--no-deps",
            "--require-hashes",
            "--requirement",
            str(lock),
        ]

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
        how = ["--quiet", "--no-deps", "--require-hashes"]
        return [*self._argv(), *how, "--requirement", str(lock)]

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
