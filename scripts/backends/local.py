"""Decides what to build and run on one machine: the variant and the flags of its own hardware.

A build for others is `universal`. On one machine that would take hours: kernels compile for cards
that this machine does not have.

A row that names no vendor serves cards of any: it is taken where no vendor's own row can be.
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
    own = [mode for mode in present if mode.vendor and serves(mode, found[mode.name])]
    if own:
        reason = f"it has hardware for {' and '.join(mode.title for mode in own)}"
        variant = own[0].name if len(own) == 1 else DEFAULT
        return LocalChoice(own[0], variant, reason, _options(own, found))
    mode = next((mode for mode in present if not mode.vendor), table.fallback)
    reasons = [
        f"{each.title} has no kernels for {', '.join(found[each.name])}"
        for each in present
        if each.vendor
    ]
    if mode in present:
        reasons.append(f"its card is one that {mode.title} may use")
    elif not present:
        reasons.append("no GPU that a container could be given was found")
    return LocalChoice(mode, mode.name, ", and ".join(reasons), {})


def serves(mode: Mode, cards: Sequence[str]) -> bool:
    """Whether one of these cards runs kernels that a build of this mode can have.

    True where the cards do not say their targets: that shows at the start.
    """
    targets = mode.targets
    return targets is None or not cards or any(_servable(card, targets) for card in cards)


def _servable(card: str, targets: Targets) -> bool:
    names = (card, *targets.substitutes.names.get(card, ()))
    return any(name in targets.compiled.names for name in names)


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
    """What to compile for these cards, without those that nothing can be compiled for.

    A card's own target; where the SDK of the table has no kernels for it (another SDK may), also
    the nearest substitute that it has kernels for.
    """
    chosen = {card for card in cards if _servable(card, targets)} or set(cards)
    for card in tuple(chosen):
        if card not in targets.compiled.names:
            near = targets.substitutes.names.get(card, ())
            chosen.update([name for name in near if name in targets.compiled.names][:1])
    return tuple(sorted(chosen))
