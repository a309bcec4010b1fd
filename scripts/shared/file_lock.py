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
def hold_lock(path: Path, purpose: str) -> Iterator[None]:
    """Hold the lock file `path`, whose folder is made first; waits, and says for what.

    The file stays behind, empty: removing it would let two processes hold it. Raises `UsageError`
    where the folder cannot be written, `HeldElsewhere` where the other does not end.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise UsageError(
            f"{path.parent} cannot be written.",
            why=str(error),
            next=f"Give it to this user, or choose another folder (`{task_command('config')}`).",
        ) from None
    with file:  # closing it releases the lock
        if not _take(file) and not wait_until(
            f"Waiting for another process, {purpose}", lambda: _take(file), timeout=PATIENCE
        ):
            raise HeldElsewhere(
                f"Another process, {purpose}, has not ended for {PATIENCE / 3600:g} hours.",
                why=f"It holds {path}.",
                next="Find it (`fuser` with that path), end it, and run the same command again.",
            )
        yield


def _take(file: IO[bytes]) -> bool:
    """Take the lock, unless another process or thread holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
