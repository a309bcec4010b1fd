"""Compares an image's compressed size with its variant's budget, and names what is large in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts import commands
from scripts.console import size
from scripts.engine import Engine
from scripts.errors import OverBudget, UsageError
from scripts.paths import REPOSITORY

#: Megabytes (10^6 bytes) that a pull of each variant may move.
BUDGETS = REPOSITORY / "docker" / "budgets.json"

#: How many files an image that is too large is explained with.
LARGEST = 10

#: Sizes in bytes and paths of all files of the image's own file system.
LISTING = "find / -xdev -type f -printf '%s %p\\n' | sort -rn | head -n "


def budgets(path: Path = BUDGETS) -> Mapping[str, int]:
    """Bytes that each variant may have."""
    rows: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return {variant: int(megabytes * 1e6) for variant, megabytes in rows.items()}


def check(variant: str, compressed: int | None, limits: Mapping[str, int]) -> str:
    """One line about the room that is left. Raises `OverBudget`, `UsageError`."""
    if compressed is None:
        raise UsageError(
            "This engine does not keep layers compressed, so there is nothing to compare.",
            next="An engine with the containerd image store does: `invoke engine.status`.",
        )
    if variant not in limits:
        raise UsageError(f"Variant {variant} has no budget.", next=f"Write one into {BUDGETS}.")
    limit = limits[variant]
    if compressed > limit:
        raise OverBudget(
            f"Variant {variant} is {size(compressed)} compressed, its budget {size(limit)}."
        )
    return f"{variant}: {size(compressed)} of {size(limit)} ({100 * compressed / limit:.0f} %)"


def largest(engine: Engine, image: str, count: int = LARGEST) -> list[tuple[int, str]]:
    """The image's largest files: bytes and path."""
    script = f"{LISTING}{count}"
    argv = engine.argv("run", "--rm", "--network", "none", "--entrypoint", "sh", image)
    lines = commands.check([*argv, "-c", script]).splitlines()
    return [(int(count), path) for count, _, path in (line.partition(" ") for line in lines)]


def table(files: Sequence[tuple[int, str]]) -> str:
    """The files as lines for a person."""
    return "\n".join(f"{size(count):>10}  {path}" for count, path in files)
