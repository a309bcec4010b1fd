"""Decides what to build and run on one machine: the variant and the flags of its own hardware.

A build for others is `universal`. On one machine that would take hours: kernels compile for cards
that this machine does not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scripts.backends.card_rows import Targets
from scripts.backends.row import AUTO
from scripts.backends.rows import Mode
from scripts.backends.table import Table
from scripts.backends.variants import DEFAULT


@dataclass(frozen=True)
class LocalChoice:
    """`mode`: the row whose flags the container is given. `variant`: what is built, and `reason`
    why, in one line. `options`: settings of the build that follow from the cards, by their names.
    """

    mode: Mode
    variant: str
    reason: str
    options: Mapping[str, tuple[str, ...]]


def choose(table: Table, found: Mapping[str, Sequence[str]], demand: str = AUTO) -> LocalChoice:
    """What serves a machine.

    `found` holds the names of the modes whose hardware a container can be given, each with the
    targets of its cards (`gfx1100`; empty where they are not known). `demand` is the setting
    `backend`. Raises `UsageError` for a demand that is not in the table.
    """
    present = [mode for mode in table.modes if mode.name in found]
    if demand != AUTO:
        mode = table.mode(demand)
        return LocalChoice(
            mode, mode.name, f"the backend {demand} was asked for", _options([mode], found)
        )
    if not present:
        mode = table.fallback
        reason = "no GPU that a container could be given was found"
        return LocalChoice(mode, mode.name, reason, {})
    reason = f"it has hardware for {' and '.join(mode.title for mode in present)}"
    variant = present[0].name if len(present) == 1 else DEFAULT
    return LocalChoice(present[0], variant, reason, _options(present, found))


def _options(
    modes: Sequence[Mode], found: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """The targets to compile, by the setting that takes them."""
    options = {}
    for mode in modes:
        cards = found.get(mode.name, ())
        if mode.targets is not None and cards:
            name = mode.targets.option.removeprefix("--").replace("-", "_")
            options[name] = targets_for(cards, mode.targets)
    return options


def targets_for(cards: Sequence[str], targets: Targets) -> tuple[str, ...]:
    """What to compile for these cards.

    A card's own target; where the SDK of the table has no kernels for it (another SDK may), also
    the nearest substitute that it has kernels for.
    """
    chosen = set(cards)
    for card in cards:
        if card not in targets.compiled.names:
            near = targets.substitutes.names.get(card, ())
            chosen.update([name for name in near if name in targets.compiled.names][:1])
    return tuple(sorted(chosen))
