"""A copy of the working tree for tests: a build leaves its records in its own checkout."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.shared import commands
from scripts.shared.paths import REPOSITORY


def copy(target: Path) -> Path:
    """Copy what git knows, or would, to `target`; its Python environment is ours."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in commands.check(listed, cwd=REPOSITORY).split("\0"):
        if name and (REPOSITORY / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target / name)
    (target / ".venv").symlink_to(REPOSITORY / ".venv")
    return target
