"""Decides what to build for one machine: the variant of its own hardware, and no other's kernels.

Whoever builds for others wants `universal`; whoever wants an answer here would wait for hours while
kernels compile for cards that this machine does not have.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from scripts.backends.compiled import ALL_TARGETS
from scripts.shared.settings import Settings

#: Targets by their beginning, and the one of their family that every rocBLAS has kernels for.
FAMILIES = {
    "gfx90c": "gfx900",
    "gfx902": "gfx900",
    "gfx909": "gfx900",
    "gfx101": "gfx1010",
    "gfx103": "gfx1030",
    "gfx110": "gfx1100",
    "gfx115": "gfx1100",
}


@dataclass(frozen=True)
class LocalBuild:
    """A variant, the ROCm targets to compile (empty: none are needed), and why, in one line."""

    variant: str
    rocm_targets: tuple[str, ...]
    reason: str


def suited(*, nvidia: bool, amd: bool, amd_targets: Sequence[str]) -> LocalBuild:
    """What serves a machine with these cards; `amd_targets` as `gfx1100`, empty where not known."""
    if nvidia and amd:
        return LocalBuild("universal", targets(amd_targets), "it has NVIDIA and AMD cards")
    if nvidia:
        return LocalBuild("cuda", (), "it has an NVIDIA card")
    if amd:
        return LocalBuild("rocm", targets(amd_targets), "it has an AMD card")
    return LocalBuild("cpu", (), "no GPU that a container could be given was found")


def targets(cards: Sequence[str]) -> tuple[str, ...]:
    """The cards' own targets, and those of their families for an SDK that lacks the own ones."""
    return tuple(sorted({*cards, *(FAMILIES.get(card[:6], card) for card in cards)}))


def applied(choice: LocalBuild, settings: Settings) -> Settings:
    """The settings with the choice; targets that somebody named stay."""
    named = settings.rocm_targets != (ALL_TARGETS,)
    chosen = settings.rocm_targets if named or not choice.rocm_targets else choice.rocm_targets
    return dataclasses.replace(settings, variant=choice.variant, rocm_targets=chosen)
