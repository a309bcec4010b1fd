"""A folder in which a root file system is made: nothing stays mounted, running or lying in it.

mmdebstrap mounts proc, sys and devpts in what it makes. It unmounts them when it is ended by a
signal that it can catch; what SIGKILL leaves is found and removed by the next run.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scripts.docker_engine import mounts
from scripts.shared import commands
from scripts.shared.console import warn

PREFIX = ".work-"

PROC = Path("/proc")


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """A new folder in `parent`, removed at the end with all that happens in it."""
    path = Path(tempfile.mkdtemp(dir=parent, prefix=PREFIX))
    try:
        yield path
    finally:
        remove(path)


def remove_stale(parent: Path) -> None:
    """Remove what interrupted runs left in `parent`. No other run may use it: hold its lock."""
    for path in parent.glob(".*-*"):
        if path.is_dir():
            remove(path)


def remove(path: Path) -> None:
    """End the processes in the folder, unmount what is mounted there, delete it.

    Nothing is deleted below a mount that stays: it may be the machine's own /dev.
    """
    for pid in processes(path):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    if not mounts.release([path]):
        for point in mounts.left([path]):
            commands.capture(["umount", "--lazy", str(point)])
    if mounts.left([path]):
        warn(f"{path} stays: something is mounted in it. Unmount it, then delete it.")
        return
    shutil.rmtree(path, ignore_errors=True)


def processes(folder: Path, proc: Path = PROC) -> list[int]:
    """The processes whose root directory is `folder` or lies in it."""
    found = []
    for entry in proc.glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "root").readlink().is_relative_to(folder):
                found.append(int(entry.name))
    return found
