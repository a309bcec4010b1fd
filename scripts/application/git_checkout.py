"""Fetches one commit of a git repository into the cache: whole or not at all, with git itself."""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts.application.git_command import git
from scripts.application.git_reference import GitReference
from scripts.application.revision import Revision
from scripts.shared.console import say
from scripts.shared.errors import ApplicationMissing
from scripts.shared.file_lock import hold_lock

#: A commit in full: what a shallow fetch can ask for.
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True)
class Checkout:
    """A commit's files, and which commit it is."""

    path: Path
    revision: Revision


def fetch(reference: GitReference, cache: Path) -> Checkout:
    """The files of a reference, out of the cache where that commit was fetched before.

    `cache` holds `applications/NAME-HASH/COMMIT/{tree,git}`. Raises `ApplicationMissing` where git
    is not installed, the repository does not answer, or has no such reference or folder.
    """
    name, commit = find(reference)
    digest = hashlib.sha256(reference.remote.encode()).hexdigest()[:12]
    stem = re.sub(r"[^\w.-]", "-", reference.remote.rstrip("/").rpartition("/")[2])
    home = cache / "applications" / f"{stem.removesuffix('.git')}-{digest}"
    with hold_lock(home / ".lock", f"which fetches {reference.shown}"):
        if not (home / commit).is_dir():
            say(f"fetching {reference.shown}, {reference.ref or name}, commit {commit[:12]}")
            _fetch(reference, name, home / ".part")
            (home / ".part").rename(home / commit)
    listed = ("rev-list", "--max-count=1", "--timestamp", "HEAD")
    epoch, _, _ = git("--git-dir", str(home / commit / "git"), *listed).out.partition(" ")
    tree = home / commit / "tree"
    folder = (tree / reference.folder).resolve()
    if not folder.is_dir() or not folder.is_relative_to(tree.resolve()):
        raise ApplicationMissing(
            f"There is no folder {reference.folder} in {reference.shown}.",
            why=f"Commit {commit[:12]} holds {_folders_in(tree)}.",
            next="Name it after the reference: --app REPOSITORY#REF:FOLDER.",
        )
    return Checkout(folder, Revision(commit, epoch, reference.shown))


def find(reference: GitReference) -> tuple[str, str]:
    """What to fetch of a remote and the commit that it is: `refs/tags/1.0` or the commit itself.

    A tag comes before a branch of its name, as git has it (gitrevisions).
    """
    ref = reference.ref or "HEAD"
    listed = git("ls-remote", "--", reference.remote)
    if listed.code == 127:
        raise ApplicationMissing(
            f"{reference.shown} cannot be fetched.",
            why="git is not installed.",
            next="Install git, or name a folder with --app.",
        )
    if listed.code != 0:
        raise ApplicationMissing(
            f"No git repository answers at {reference.shown}.",
            why=_words(listed.err, reference),
            next="Check address and access: `git ls-remote` with it has to work here.",
        )
    pairs = (line.split("\t") for line in listed.out.splitlines())
    rows = {name: commit for commit, name in pairs}
    for name in (ref, f"refs/tags/{ref}", f"refs/heads/{ref}"):
        if name in rows:
            # An annotated tag has a hash of its own.
            return name, rows.get(f"{name}^{{}}", rows[name])
    if COMMIT.fullmatch(ref):
        return ref, ref
    known = [name.split("/", 2)[2] for name in rows if name.startswith("refs/") and "^" not in name]
    why = f"It has {', '.join(known[:8])}{' ...' if known[8:] else ''}."
    if known and re.fullmatch("[0-9a-f]{4,39}", ref):
        why = f"A commit is named by all of its digits. {why}"
    raise ApplicationMissing(
        f"{reference.shown} has no reference {ref}.",
        why=why if known else "It has no commit yet.",
        next="Name a branch, a tag or a commit: --app REPOSITORY#REF.",
    )


def _fetch(reference: GitReference, name: str, part: Path) -> None:
    """Fetch one commit, without history, and its submodules; git's own folder goes beside it."""
    shutil.rmtree(part, ignore_errors=True)  # of a run that was killed
    tree = part / "tree"
    submodules = ("submodule", "--quiet", "update", "--init", "--recursive", "--depth=1")
    try:
        for arguments in (
            ("init", "--quiet", "--template=", str(tree)),
            ("-C", str(tree), "fetch", "--quiet", "--depth=1", "--", reference.remote, name),
            ("-C", str(tree), "checkout", "--quiet", "--detach", "FETCH_HEAD"),
            ("-C", str(tree), *submodules),
        ):
            done = git(*arguments)
            if done.code != 0:
                raise ApplicationMissing(
                    f"{reference.ref or name} of {reference.shown} cannot be fetched.",
                    why=_words(done.err, reference),
                    next="Check that it is there, and run the same command again.",
                )
        (tree / ".git").rename(part / "git")
        for link in tree.rglob(".git"):  # of submodules
            link.unlink()
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _words(text: str, reference: GitReference) -> str:
    """Git's first lines, without credentials."""
    rows = [row for row in text.splitlines() if row.strip()]
    return "\n".join(rows[:3]).replace(reference.remote, reference.shown)[-600:]


def _folders_in(tree: Path) -> str:
    names = sorted(f"{path.name}/" for path in tree.iterdir() if path.is_dir())
    return ", ".join(names[:8]) or "no folder"
