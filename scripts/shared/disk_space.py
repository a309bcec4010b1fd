"""Is there room on a file system, asked before the first byte is written."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.shared.console import size
from scripts.shared.errors import NoSpace
from scripts.shared.task_command import task_command

#: Bytes left free beyond the file itself: a file system filled to its end breaks other programs.
MARGIN = 64 * 1024 * 1024


def require(folder: Path, count: int, what: str) -> None:
    """Raise `NoSpace` unless `count` bytes and a margin are free in `folder`.

    A folder that is not there yet is asked of the nearest one above it that is.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < count + MARGIN:
        raise NoSpace(
            f"{what} needs {size(count)} in {folder}, which has {size(free)} free.",
            why=f"{size(MARGIN)} more are left free for others.",
            next=f"Free some space, or choose another folder (`{task_command('config')}`).",
        )


@contextmanager
def report_full(folder: Path, what: str) -> Iterator[None]:
    """Turn a file system that is full after all, or a used-up quota, into `NoSpace`."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise NoSpace(
            f"{folder} became full while writing {what}.",
            why=f"{size(shutil.disk_usage(folder).free)} free: {error.strerror}.",
            next="Free some space and run the same command again.",
        ) from None
