"""Reads a git reference as `docker buildx build` has it for a context: REMOTE.git#REF:FOLDER."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from scripts.shared.errors import UsageError

#: What is taken for a git remote (Docker's documentation of build contexts), and file://:
#: over HTTP only what ends in .git, since anything else may be a page or an archive.
REMOTE = re.compile(
    r"https?://[^#\s]+\.git"
    r"|(?:git|ssh|file)://[^#\s]+"
    r"|[\w.-]+@[\w.-]+:[^#\s]+"  # scp's way: user@host:path
)

#: User and password, or a token, in a URL.
CREDENTIALS = re.compile(r"(?<=://)[^/@]+@")


@dataclass(frozen=True)
class GitReference:
    """A remote, what of it (branch, tag or commit; empty: its default), and a folder therein."""

    remote: str
    ref: str = ""
    folder: str = ""

    @property
    def shown(self) -> str:
        """The remote as it may be logged and labelled: without credentials."""
        return CREDENTIALS.sub("", self.remote) if "://" in self.remote else self.remote


def parse(text: str) -> GitReference | None:
    """The reference in `text`; None where it is a folder's path.

    Raises `UsageError` for one that cannot be used: a folder outside of the repository, a reference
    that git would take for an option, an address that is no git repository's.
    """
    remote, _, fragment = text.partition("#")
    if not REMOTE.fullmatch(remote):
        if re.match(r"\w+://", text):
            raise UsageError(
                f"{CREDENTIALS.sub('', text)} is not a git reference.",
                why="Over HTTP the address of a repository ends in .git, as buildx has it.",
                next="Write --app https://HOST/REPOSITORY.git#REF:FOLDER.",
            )
        return None
    ref, _, folder = fragment.partition(":")
    path = PurePosixPath(folder)
    if ref.startswith("-") or re.search(r"\s", ref):
        raise UsageError(f"{ref!r} is not a git reference.", next="Name a branch, tag or commit.")
    if path.is_absolute() or ".." in path.parts:
        raise UsageError(
            f"{folder!r} is not a folder of the repository.",
            next="Name it from the repository's root on, e.g. #main:apps/one.",
        )
    return GitReference(remote, ref, folder)
