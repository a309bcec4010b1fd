"""Mounts that a killed program left behind: its folder cannot be deleted before they are gone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from scripts.shared import commands


def below(table: str, folders: Sequence[Path]) -> list[Path]:
    """The mount points in `folders` by /proc/mounts, the last mounted first."""
    points = [Path(_plain(line.split()[1])) for line in table.splitlines() if line.strip()]
    return [
        point for point in reversed(points) if any(point.is_relative_to(top) for top in folders)
    ]


def release(folders: Sequence[Path], mounts: Path = Path("/proc/mounts")) -> bool:
    """Unmount what is mounted in `folders`; whether nothing is left there."""
    for point in left(folders, mounts):
        commands.capture(["umount", str(point)])
    return not left(folders, mounts)


def left(folders: Sequence[Path], mounts: Path = Path("/proc/mounts")) -> list[Path]:
    """What is mounted in `folders` now, the last mounted first."""
    return below(_read(mounts), folders)


def _read(mounts: Path) -> str:
    return mounts.read_text(encoding="utf-8", errors="replace") if mounts.exists() else ""


def _plain(field: str) -> str:
    """A path without the octal escapes of fstab(5), which writes a space as backslash 040."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
