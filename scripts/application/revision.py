"""The commit that a folder is of, as the image's labels and the times in it have it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from scripts.application.git_command import git

#: What `rev-list --timestamp` prints: seconds since 1970, and the commit in full.
LINE = re.compile(r"(\d+) ([0-9a-f]{40}(?:[0-9a-f]{24})?)")

#: What follows a commit whose files were changed since, as `git describe --dirty` has it.
DIRTY = "-dirty"


@dataclass(frozen=True)
class Revision:
    """A commit: its hash, its time (seconds since 1970), where it was fetched from.

    The first two are empty where they are not known, with the reason in `unknown`; `source` is
    empty for what was not fetched. The hash ends in `-dirty` where files were changed since.
    """

    commit: str = ""
    epoch: str = ""
    source: str = ""
    unknown: str = ""


def of(folder: Path) -> Revision:
    """The commit of the working tree that `folder` is in.

    Not that of a repository around it that does not hold this folder.
    """
    here = ("-C", str(folder))
    found = git(*here, "rev-list", "--max-count=1", "--timestamp", "HEAD")
    line = LINE.fullmatch(found.out.strip())
    if found.code != 0 or not line:
        return Revision(unknown=_reason(folder, found.code, found.err))
    epoch, commit = line.groups()
    if not git(*here, "ls-tree", "--name-only", "HEAD").out:
        return Revision(unknown=f"{folder} is not part of the git repository around it")
    return Revision(commit + (DIRTY if _is_dirty(folder) else ""), epoch)


def _is_dirty(folder: Path) -> bool:
    """Whether a tracked file of the repository was changed, or `folder` has files that git lacks.

    git's own line ends apply (no `core.autocrlf` of ours), or each file would look changed.
    """
    status = ("status", "--porcelain", "--ignore-submodules=none")
    tracked = git("-C", str(folder), *status, "--untracked-files=no", options=())
    new = git("-C", str(folder), *status, "--untracked-files=normal", "--", ".", options=())
    return bool(tracked.out or new.out)


def _reason(folder: Path, code: int, text: str) -> str:
    """Why git does not know the commit, and what to do, in one line."""
    if code == 127:
        return "git is not installed"
    if "dubious ownership" in text:
        return (
            f"{folder} belongs to another user, and git does not read it: "
            f"run `git config --global --add safe.directory '{_repository(folder)}'`"
        )
    if "not a git repository" in text:
        return f"{folder} is not in a git repository"
    if "HEAD" in text:
        return f"the git repository of {folder} has no commit yet"
    return f"git says: {text.strip().splitlines()[0] if text.strip() else 'nothing'}"


def _repository(folder: Path) -> Path:
    """The root of the working tree around `folder`, found without git."""
    for path in (folder, *folder.parents):
        if (path / ".git").exists():
            return path
    return folder
