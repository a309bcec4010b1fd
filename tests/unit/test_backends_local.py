from __future__ import annotations

from dataclasses import replace

import pytest

from scripts.backends import table as backends
from scripts.backends.local import choose, targets_for
from scripts.backends.table import Table, Targets
from scripts.shared.errors import UsageError

TABLE = backends.read()
ROCM = TABLE.mode("rocm").targets
assert ROCM is not None


@pytest.mark.parametrize(
    ("found", "mode", "variant", "options"),
    [
        ({}, "cpu", "cpu", {}),
        ({"cuda": ()}, "cuda", "cuda", {}),
        ({"rocm": ("gfx1032",)}, "rocm", "rocm", {"rocm_targets": ("gfx1030", "gfx1032")}),
        (
            {"rocm": ("gfx1032",), "cuda": ()},
            "cuda",
            "universal",
            {"rocm_targets": ("gfx1030", "gfx1032")},
        ),
        ({"rocm": ()}, "rocm", "rocm", {}),
    ],
)
def test_each_machine_gets_the_variant_and_the_flags_of_its_hardware(
    found: dict[str, tuple[str, ...]],
    mode: str,
    variant: str,
    options: dict[str, tuple[str, ...]],
) -> None:
    choice = choose(TABLE, found)
    assert (choice.mode.name, choice.variant, choice.options) == (mode, variant, options)


def test_the_reason_names_the_hardware() -> None:
    both = choose(TABLE, {"cuda": (), "rocm": ()})
    assert both.reason == "it has hardware for NVIDIA CUDA and AMD ROCm"
    assert "no GPU" in choose(TABLE, {}).reason


def test_the_order_is_the_tables() -> None:
    turned = replace(TABLE, modes=(*reversed(TABLE.modes[:2]), *TABLE.modes[2:]))
    assert choose(turned, {"cuda": (), "rocm": ()}).mode.name == "rocm"


@pytest.mark.parametrize("found", [{}, {"cuda": ()}, {"cuda": (), "rocm": ("gfx1100",)}])
def test_a_demand_beats_what_is_found(found: dict[str, tuple[str, ...]]) -> None:
    choice = choose(TABLE, found, "rocm")
    assert (choice.mode.name, choice.variant) == ("rocm", "rocm")
    assert choice.options == ({"rocm_targets": ("gfx1100",)} if "rocm" in found else {})
    assert choice.reason == "the backend rocm was asked for"
    assert choose(TABLE, found, "cpu").mode.container.run == ()


def test_an_unknown_demand_lists_the_rows() -> None:
    with pytest.raises(UsageError, match="no backend 'metal'") as caught:
        choose(TABLE, {}, "metal")
    assert caught.value.next == f"Choose: {', '.join(TABLE.demands)}."


@pytest.mark.parametrize(
    ("cards", "compiled"),
    [
        (("gfx1100",), ("gfx1100",)),
        (("gfx1101",), ("gfx1101",)),
        (("gfx90a", "gfx1036"), ("gfx1030", "gfx1036", "gfx90a")),
        (("gfx90c",), ("gfx900", "gfx90c")),
        (("gfx1151",), ("gfx1100", "gfx1151")),
        (("gfx1201",), ("gfx1201",)),
        (("gfx942",), ("gfx942",)),
        ((), ()),
    ],
)
def test_targets_of_cards(cards: tuple[str, ...], compiled: tuple[str, ...]) -> None:
    assert ROCM is not None
    assert targets_for(cards, ROCM) == compiled


def every_target(targets: Targets) -> list[str]:
    substitutes = targets.substitutes.names
    return sorted({*targets.compiled.names, *substitutes, *sum(substitutes.values(), ())})


def runs(card: str, kernels: set[str], targets: Targets) -> bool:
    """The entrypoint's rule: a card needs its own kernels, or those of a substitute."""
    return bool(kernels & {card, *targets.substitutes.names.get(card, ())})


@pytest.mark.parametrize("card", every_target(ROCM))
def test_what_is_compiled_for_a_card_is_what_a_start_can_use(card: str) -> None:
    """Where the SDK has any kernels that the card can run, the image built here holds some."""
    assert ROCM is not None
    sdk = set(ROCM.compiled.names)
    built = sdk & set(targets_for((card,), ROCM))
    assert runs(card, built, ROCM) == runs(card, sdk, ROCM)
    # The nearest: no kernels of the SDK that a start would prefer were left out.
    preferred = [name for name in (card, *ROCM.substitutes.names.get(card, ())) if name in sdk]
    assert preferred[:1] == [name for name in preferred if name in built]


def test_the_whole_table_may_be_another_one() -> None:
    assert choose(Table("", (TABLE.fallback,)), {"cuda": ()}).variant == "cpu"
