"""A copy of the working tree for tests, because a build writes its records into its checkout."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.shared import commands
from scripts.shared.paths import REPOSITORY


def copy(target: Path) -> Path:
    """Copy all files that git does not ignore to `target`; the Python environment is a link."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in commands.check(listed, cwd=REPOSITORY).split("\0"):
        if name and (REPOSITORY / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target / name)
    (target / ".venv").symlink_to(REPOSITORY / ".venv")
    return target
