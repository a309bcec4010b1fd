"""Compares an image's compressed size with its variant's budget, and names what is large in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.backends.table import Table
from scripts.docker_engine import Engine
from scripts.shared import commands
from scripts.shared.console import size
from scripts.shared.errors import OverBudget, UsageError
from scripts.shared.paths import REPOSITORY
from scripts.shared.task_command import task_command

#: Megabytes (10^6 bytes) that a pull of each variant may move, and each target's kernels in it.
BUDGETS = REPOSITORY / "docker" / "budgets.json"

#: The image's folder with a folder for each candidate of the table of backends.
BACKENDS = "/opt/mentator/backends"

#: The key of a mode's budget for targets that have no row of their own.
OTHER = "any other"

#: How many files an image that is too large is explained with.
LARGEST = 10

#: Sizes in bytes and paths of all files of the image's own file system.
LISTING = "find / -xdev -type f -printf '%s %p\\n' | sort -rn | head -n "


@dataclass(frozen=True)
class Budgets:
    """Bytes that a pull of each variant may move without kernels for targets, and for each target.

    `targets` are by mode and target; `OTHER` stands for those without a row.
    """

    variants: Mapping[str, int]
    targets: Mapping[str, Mapping[str, int]]

    def limit(self, variant: str, targets: Mapping[str, Sequence[str]]) -> int:
        """Bytes for a variant with kernels for these targets of each mode. Raises `UsageError`."""
        if variant not in self.variants:
            raise UsageError(f"Variant {variant} has no budget.", next=f"Write one into {BUDGETS}.")
        kernels = (self._kernels(mode, name) for mode, names in targets.items() for name in names)
        return self.variants[variant] + sum(kernels)

    def _kernels(self, mode: str, target: str) -> int:
        rows = self.targets.get(mode, {})
        if target not in rows and OTHER not in rows:
            raise UsageError(
                f"Target {target} of {mode} has no budget.", next=f"Write one into {BUDGETS}."
            )
        return rows.get(target, rows.get(OTHER, 0))


def read(path: Path = BUDGETS) -> Budgets:
    """The budgets in force."""
    table = json.loads(path.read_text(encoding="utf-8"))
    targets = {mode: _bytes(rows) for mode, rows in table["targets"].items()}
    return Budgets(_bytes(table["variants"]), targets)


def _bytes(megabytes: Mapping[str, float]) -> dict[str, int]:
    return {name: int(count * 1e6) for name, count in megabytes.items()}


def check(variant: str, compressed: int | None, limit: int) -> str:
    """One line about the room that is left. Raises `OverBudget`, `UsageError`."""
    if compressed is None:
        raise UsageError(
            "This engine does not keep layers compressed, so there is nothing to compare.",
            next="An engine with the containerd image store does: "
            f"`{task_command('engine.status')}`.",
        )
    if compressed > limit:
        raise OverBudget(
            f"Variant {variant} is {size(compressed)} compressed, its budget {size(limit)}."
        )
    return f"{variant}: {size(compressed)} of {size(limit)} ({100 * compressed / limit:.0f} %)"


def targets(engine: Engine, image: str, table: Table) -> dict[str, list[str]]:
    """The targets that an image has kernels for, by the modes of the table that have targets."""
    files = target_files(table)
    script = "; ".join(f"[ ! -e {path} ] || sed 's/^/{mode} /' {path}" for path, mode in files)
    pairs = [line.split() for line in _in_image(engine, image, script).splitlines()]
    found: dict[str, list[str]] = {mode: [] for _, mode in files}
    for mode, name in pairs:
        found[mode].append(name)
    return found


def target_files(table: Table) -> list[tuple[str, str]]:
    """The files in an image that list targets, one a line, each with the name of its mode."""
    return [
        (f"{BACKENDS}/{candidate.name}/{mode.targets.file}", mode.name)
        for mode in table.modes
        if mode.targets is not None
        for candidate in mode.candidates
    ]


def largest(engine: Engine, image: str, count: int = LARGEST) -> list[tuple[int, str]]:
    """The image's largest files: bytes and path."""
    lines = _in_image(engine, image, f"{LISTING}{count}").splitlines()
    return [(int(count), path) for count, _, path in (line.partition(" ") for line in lines)]


def _in_image(engine: Engine, image: str, script: str) -> str:
    argv = engine.argv("run", "--rm", "--network", "none", "--entrypoint", "sh", image)
    return commands.check([*argv, "-c", script])


def table(files: Sequence[tuple[int, str]]) -> str:
    """The files as lines for a person."""
    return "\n".join(f"{size(count):>10}  {path}" for count, path in files)
