"""Compares an image's compressed size with its variant's budget, and names what is large in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.docker_engine import Engine
from scripts.shared import commands
from scripts.shared.console import size
from scripts.shared.errors import OverBudget, UsageError
from scripts.shared.paths import REPOSITORY

#: Megabytes (10^6 bytes) that a pull of each variant may move, and each ROCm target in it.
BUDGETS = REPOSITORY / "docker" / "budgets.json"

#: What the image says it has BLAS kernels for, a target a line.
TARGETS = "/opt/mentator/backends/rocm/targets.txt"

#: How many files an image that is too large is explained with.
LARGEST = 10

#: Sizes in bytes and paths of all files of the image's own file system.
LISTING = "find / -xdev -type f -printf '%s %p\\n' | sort -rn | head -n "


@dataclass(frozen=True)
class Budgets:
    """Bytes that a pull of each variant may move without ROCm's kernels, and for each target's."""

    variants: Mapping[str, int]
    rocm_targets: Mapping[str, int]
    other_rocm_target: int

    def limit(self, variant: str, targets: Sequence[str]) -> int:
        """Bytes for a variant with kernels for these targets. Raises `UsageError`."""
        if variant not in self.variants:
            raise UsageError(f"Variant {variant} has no budget.", next=f"Write one into {BUDGETS}.")
        kernels = (self.rocm_targets.get(target, self.other_rocm_target) for target in targets)
        return self.variants[variant] + sum(kernels)


def read(path: Path = BUDGETS) -> Budgets:
    """The budgets in force."""
    table = json.loads(path.read_text(encoding="utf-8"))
    return Budgets(
        _bytes(table["variants"]),
        _bytes(table["rocm targets"]),
        int(table["any other rocm target"] * 1e6),
    )


def _bytes(megabytes: Mapping[str, float]) -> dict[str, int]:
    return {name: int(count * 1e6) for name, count in megabytes.items()}


def check(variant: str, compressed: int | None, limit: int) -> str:
    """One line about the room that is left. Raises `OverBudget`, `UsageError`."""
    if compressed is None:
        raise UsageError(
            "This engine does not keep layers compressed, so there is nothing to compare.",
            next="An engine with the containerd image store does: `invoke engine.status`.",
        )
    if compressed > limit:
        raise OverBudget(
            f"Variant {variant} is {size(compressed)} compressed, its budget {size(limit)}."
        )
    return f"{variant}: {size(compressed)} of {size(limit)} ({100 * compressed / limit:.0f} %)"


def rocm_targets(engine: Engine, image: str) -> list[str]:
    """The targets that an image has ROCm kernels for; none where it has no ROCm."""
    script = f"! [ -e {TARGETS} ] || cat {TARGETS}"
    return _in_image(engine, image, script).split()


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
