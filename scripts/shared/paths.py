"""Where things lie: the repository's own folders and this user's, by the XDG rules."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

#: What the pipeline makes for this checkout: records, staged context. Never committed.
BUILD = REPOSITORY / "build"


def cache_home() -> Path:
    """The folder for what can be fetched again (models, base images); `XDG_CACHE_HOME` moves it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mentator"


def data_home() -> Path:
    """The folder for what must stay (the project's engine, data); `XDG_DATA_HOME` moves it."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "mentator"
