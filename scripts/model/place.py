"""Puts a file's bytes under a second name by the cheapest means that the file system offers."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from pathlib import Path
from typing import Literal

from scripts.shared import disk_space as space
from scripts.shared.checksum import CHUNK, sha256_of
from scripts.shared.console import byte_bar

How = Literal["reflink", "link", "copy", "kept"]

#: `FICLONE` of linux/fs.h, _IOW(0x94, 9, int): share a file's blocks, copied on write.
FICLONE = 0x40049409

#: The mode of every staged file. BuildKit's cache key holds it, so it must not vary.
MODE = 0o644


def place(source: Path, target: Path, known: str = "") -> tuple[How, str]:
    """Make `target`, which is not there, the same bytes; returns by what means, and their SHA-256.

    Where `known` is the source's sum, bytes that are shared and not copied are not read again.
    Raises `NoSpace`. An interrupted copy is removed.
    """
    try:
        for how, means in (("reflink", _reflink), ("link", _link)):
            if means(source, target):
                found = known or sha256_of(target, f"Checking {source.name}")
                return how, found  # type: ignore[return-value]
        with space.report_full(target.parent, source.name):
            return "copy", _copy(source, target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _reflink(source: Path, target: Path) -> bool:
    """On btrfs and XFS: instant, and later writes to the one do not show in the other."""
    with source.open("rb") as origin, target.open("xb") as copy:
        try:
            fcntl.ioctl(copy.fileno(), FICLONE, origin.fileno())
        except OSError:
            cloned = False
        else:
            os.fchmod(copy.fileno(), MODE)
            cloned = True
    if not cloned:
        target.unlink()
    return cloned


def _link(source: Path, target: Path) -> bool:
    """Only where the mode is right already: the two names share it, and it is the user's file."""
    if stat.S_IMODE(source.stat().st_mode) != MODE:
        return False
    try:
        target.hardlink_to(source)
    except OSError:
        return False
    return True


def _copy(source: Path, target: Path) -> str:
    """Copy and hash in one pass."""
    count = source.stat().st_size
    space.require(target.parent, count, source.name)
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(CHUNK))
    with (
        source.open("rb", buffering=0) as origin,
        target.open("xb", buffering=0) as copy,
        byte_bar(f"Copying {source.name}", count) as advance,
    ):
        os.fchmod(copy.fileno(), MODE)
        while got := origin.readinto(buffer):
            digest.update(buffer[:got])
            written = 0
            while written < got:
                written += copy.write(buffer[written:got])
            advance(got)
    return digest.hexdigest()
