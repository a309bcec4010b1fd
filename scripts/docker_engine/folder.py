"""The layout of the project's own engine: a folder E with socket, data, log and configuration."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from scripts.shared.errors import UsageError

#: Bytes of a Unix socket's path: 108 on Linux and 104 on macOS, with the final zero.
SOCKET_LIMIT = 103

#: Marks an installation that has begun and not ended: a dockerd that is there may lack its parts.
INSTALLING = "installing"


def host(folder: Path) -> str:
    """The engine's endpoint, for `docker --host`."""
    return f"unix://{folder / 'docker.sock'}"


def check_length(folder: Path) -> None:
    """Raise `UsageError` where the socket's path would be longer than the kernel takes."""
    length = len(os.fsencode(folder / "docker.sock"))
    if length > SOCKET_LIMIT:
        raise UsageError(
            f"engine_dir = {folder} is too long.",
            why=f"Its socket's path has {length} bytes, and the kernel takes {SOCKET_LIMIT}.",
            next="Choose a shorter one: MENTATOR_ENGINE_DIR=/var/lib/mentator, for one.",
        )


def identity(folder: Path) -> str:
    """Eight characters that tell this engine's run-time names from another's."""
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]


def exec_root(folder: Path, run: Path = Path("/run")) -> Path:
    """The run-time state's folder.

    Below /run it is gone after a reboot, as it should be, and short: the daemon makes sockets up
    to 50 bytes deeper in it. Where /run cannot be written it is the engine's own folder.
    """
    if os.access(run, os.W_OK):
        return run / f"mentator-{identity(folder)}"
    return folder / "exec"
