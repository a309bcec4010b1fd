"""Where things lie: the repository's own folders and this user's, by the XDG rules."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from scripts.shared.errors import UsageError

REPOSITORY = Path(__file__).resolve().parents[2]

#: What the pipeline makes for this checkout: records, staged context. Never committed.
BUILD = REPOSITORY / "build"

#: Stands for the home of a user who has none; Debian's accounts without a home have it, too.
NO_HOME = Path("/nonexistent")


def home() -> Path:
    """The home folder; `NO_HOME` where HOME is not set and the user has no account.

    To search in it is harmless. What is written there goes through the functions below.
    """
    named = os.environ.get("HOME", "")
    if named.startswith("/"):
        return Path(named)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return NO_HOME


def cache_home() -> Path:
    """The folder for what can be fetched again (models, base images); `XDG_CACHE_HOME` moves it.

    Raises `UsageError` where it is not set and there is no home folder.
    """
    return _of_user("XDG_CACHE_HOME", ".cache")


def data_home() -> Path:
    """The folder for what must stay (the project's engine, data); `XDG_DATA_HOME` moves it.

    Raises `UsageError` where it is not set and there is no home folder.
    """
    return _of_user("XDG_DATA_HOME", ".local/share")


def expand(named: str) -> Path:
    """A path that somebody named, with `~` resolved; raises `UsageError` where it cannot be."""
    if named == "~" or named.startswith("~/"):
        if home() == NO_HOME:
            raise _homeless(f"{named} cannot be resolved")
        return home() / named[2:]
    try:
        return Path(named).expanduser()
    except RuntimeError as error:  # ~nobody/...
        raise UsageError(f"{named} is not a path.", why=str(error)) from None


def _of_user(variable: str, below_home: str) -> Path:
    # A path that is not absolute is to be ignored (XDG Base Directory Specification).
    named = os.environ.get(variable, "")
    if named.startswith("/"):
        return Path(named) / "mentator"
    if home() == NO_HOME:
        raise _homeless("There is no folder for this user's files")
    return home() / below_home / "mentator"


def _homeless(what: str) -> UsageError:
    return UsageError(
        f"{what}: this user has no home folder.",
        why=f"HOME is not set, and uid {os.getuid()} has no account.",
        next="Set HOME, or both XDG_DATA_HOME and XDG_CACHE_HOME, to a folder of this user.",
    )
