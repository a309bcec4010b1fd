"""The commit that a folder is of, as the image's labels and the times in it have it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scripts.shared import commands


@dataclass(frozen=True)
class Revision:
    """A commit: its hash, its time (seconds since 1970), where it was fetched from.

    The first two are empty outside git, `source` for what was not fetched.
    """

    commit: str = ""
    epoch: str = ""
    source: str = ""


def of(folder: Path) -> Revision:
    """The commit of the working tree that `folder` is in; empty where there is none."""
    result = commands.capture(["git", "-C", str(folder), "log", "-1", "--format=%H %ct"])
    commit, _, epoch = result.out.partition(" ")
    return Revision(commit, epoch) if result.code == 0 else Revision()
