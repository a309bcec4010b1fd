"""One process at a time for one file: two builds on one machine share a cache."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from scripts.shared.console import wait_until
from scripts.shared.errors import HeldElsewhere, UsageError
from scripts.shared.task_command import task_command

#: Seconds to wait for another process; a large model on a slow line takes hours.
PATIENCE = 6 * 3600.0


@contextmanager
def hold_lock(path: Path, purpose: str, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock file `path`, whose folder is made first; waits, and says for what.

    A `shared` lock is held by any number of processes, while none holds it alone. The file stays
    behind, empty: removing it would let two processes hold it. Raises `UsageError` where the
    folder cannot be written, `HeldElsewhere` where the other does not end.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    with _open(path) as file:  # closing it releases the lock
        if not _take(file, kind) and not wait_until(
            f"Waiting for another process, {purpose}", lambda: _take(file, kind), timeout=PATIENCE
        ):
            raise HeldElsewhere(
                f"Another process, {purpose}, has not ended for {PATIENCE / 3600:g} hours.",
                why=f"It holds {path}.",
                next="Find it (`fuser` with that path), end it, and run the same command again.",
            )
        yield


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Hold the lock file `path` alone if nobody else holds it now; yields whether it is held."""
    with _open(path) as file:
        yield _take(file, fcntl.LOCK_EX)


def _open(path: Path) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")
    except OSError as error:
        raise UsageError(
            f"{path.parent} cannot be written.",
            why=str(error),
            next=f"Give it to this user, or choose another folder (`{task_command('config')}`).",
        ) from None


def _take(file: IO[bytes], kind: int) -> bool:
    """Take the lock, unless another process or thread holds it in a way that excludes ours."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
