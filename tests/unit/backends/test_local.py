from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from scripts.backends import table as backends
from scripts.backends.card_rows import Targets
from scripts.backends.local import choose, targets_for
from scripts.backends.table import Table
from scripts.shared import commands
from scripts.shared.errors import UsageError
from scripts.shared.node_tools import node_argv
from scripts.shared.paths import REPOSITORY

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
        ({"vulkan": ()}, "vulkan", "vulkan", {}),
        # A render node is there for the cards of CUDA and ROCm, too.
        ({"cuda": (), "vulkan": ()}, "cuda", "cuda", {}),
        ({"rocm": ("gfx1100",), "vulkan": ()}, "rocm", "rocm", {"rocm_targets": ("gfx1100",)}),
        ({"rocm": ("gfx803",), "vulkan": ()}, "vulkan", "vulkan", {}),
        ({"rocm": ("gfx1201",), "vulkan": ()}, "vulkan", "vulkan", {}),
        ({"rocm": ("gfx803",)}, "cpu", "cpu", {}),
        ({"cuda": (), "rocm": ("gfx803",), "vulkan": ()}, "cuda", "cuda", {}),
        (
            {"rocm": ("gfx1030", "gfx803"), "vulkan": ()},
            "rocm",
            "rocm",
            {"rocm_targets": ("gfx1030",)},
        ),
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


def test_reason_says_why_vulkan_is_taken_for_a_card_of_rocm() -> None:
    found = {"rocm": ("gfx803",), "vulkan": ()}
    assert choose(TABLE, found).reason == (
        "AMD ROCm has no kernels for gfx803, and its card is one that Vulkan may use"
    )
    assert choose(TABLE, {"vulkan": ()}).reason == "its card is one that Vulkan may use"
    assert choose(TABLE, {"rocm": ("gfx803",)}).reason == "AMD ROCm has no kernels for gfx803"


def test_the_order_is_the_tables() -> None:
    turned = replace(TABLE, modes=(*reversed(TABLE.modes[:2]), *TABLE.modes[2:]))
    assert choose(turned, {"cuda": (), "rocm": ()}).mode.name == "rocm"


def test_demand_for_rocm_is_kept_for_a_card_that_its_table_does_not_know() -> None:
    choice = choose(TABLE, {"rocm": ("gfx803",), "vulkan": ()}, "rocm")
    assert (choice.variant, choice.options) == ("rocm", {"rocm_targets": ("gfx803",)})


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


#: Reads the targets and pairs of a card and compiled targets; prints what a start would do.
FIT = """
import { readFileSync } from "node:fs";
const { fitCards } = await import(process.argv[1]);
const { mode, cases } = JSON.parse(readFileSync(0, "utf8"));
const card = { node: 1, uuid: "", device: "0:1", units: 40 };
const fits = cases.map(([target, all]) => fitCards(mode, [{ ...card, target }], all, {}, false));
console.log(JSON.stringify(fits.map(({ fits, environment }) => ({ fits, environment }))));
"""


def fits(cases: list[tuple[str, list[str]]]) -> list[dict[str, Any]]:
    """What the entrypoint does with each card in an image with these targets."""
    rows = json.loads(backends.FILE.read_text(encoding="utf-8"))["modes"]
    mode = next(row for row in rows if row["name"] == "rocm")
    module = REPOSITORY / "docker" / "entrypoint" / "targets.mjs"
    argv = [*node_argv(), "--input-type=module", "--eval", FIT, str(module)]
    said = commands.check(argv, stdin=json.dumps({"mode": mode, "cases": cases}))
    found: list[dict[str, Any]] = json.loads(said)
    return found


def test_what_is_compiled_for_a_card_is_what_the_entrypoint_uses() -> None:
    """With the SDK's kernels for what was compiled, a card runs as it would with all of them."""
    assert ROCM is not None
    sdk = list(ROCM.compiled.names)
    cards = every_target(ROCM)
    assert len(cards) >= 20
    # An empty list would mean that the image does not say what it has.
    built = [sorted(set(sdk) & set(targets_for((card,), ROCM))) or ["none"] for card in cards]
    with_built = fits(list(zip(cards, built, strict=True)))
    with_all = fits([(card, sdk) for card in cards])
    assert dict(zip(cards, with_built, strict=True)) == dict(zip(cards, with_all, strict=True))
    assert {"gfx1200", "gfx1201"} == {
        card for card, fit in zip(cards, with_all, strict=True) if not fit["fits"]
    }


def test_the_whole_table_may_be_another_one() -> None:
    assert choose(Table("", (TABLE.fallback,)), {"cuda": ()}).variant == "cpu"
