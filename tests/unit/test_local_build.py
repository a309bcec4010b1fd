from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.backends.local import FAMILIES, applied, suited, targets
from scripts.backends.variants import VARIANTS
from scripts.host import hardware as host_hardware
from scripts.shared.paths import REPOSITORY
from scripts.shared.settings import Settings


@pytest.mark.parametrize(
    ("nvidia", "amd", "variant", "compiled"),
    [
        (False, False, "cpu", ()),
        (True, False, "cuda", ()),
        (False, True, "rocm", ("gfx1030", "gfx1032")),
        (True, True, "universal", ("gfx1030", "gfx1032")),
    ],
)
def test_each_machine_gets_the_variant_of_its_hardware(
    nvidia: bool, amd: bool, variant: str, compiled: tuple[str, ...]
) -> None:
    choice = suited(nvidia=nvidia, amd=amd, amd_targets=("gfx1032",) if amd else ())
    assert (choice.variant, choice.rocm_targets) == (variant, compiled)
    assert variant in VARIANTS
    assert choice.reason


@pytest.mark.parametrize(
    ("cards", "compiled"),
    [
        (("gfx1100",), ("gfx1100",)),
        (("gfx90a", "gfx1036"), ("gfx1030", "gfx1036", "gfx90a")),
        (("gfx90c",), ("gfx900", "gfx90c")),
        (("gfx1201",), ("gfx1201",)),
        ((), ()),
    ],
)
def test_targets_of_cards(cards: tuple[str, ...], compiled: tuple[str, ...]) -> None:
    assert targets(cards) == compiled


def test_the_start_may_substitute_each_familys_target() -> None:
    """What is compiled for a family is what the entrypoint falls back to for its cards."""
    table = json.loads((REPOSITORY / "docker/backends.json").read_text(encoding="utf-8"))
    rocm = next(mode for mode in table["modes"] if mode["name"] == "rocm")
    names = rocm["targets"]["substitutes"]["names"]
    for card, substitutes in names.items():
        family = FAMILIES.get(card[:6], card)
        assert family in (card, *substitutes), card


def test_targets_that_somebody_named_stay() -> None:
    choice = suited(nvidia=False, amd=True, amd_targets=("gfx1100",))
    assert applied(choice, Settings()).rocm_targets == ("gfx1100",)
    named = applied(choice, Settings(rocm_targets=("gfx906",)))
    assert (named.variant, named.rocm_targets) == ("rocm", ("gfx906",))


def test_a_card_whose_target_is_unknown_gets_all() -> None:
    choice = suited(nvidia=False, amd=True, amd_targets=())
    assert applied(choice, Settings()).rocm_targets == Settings().rocm_targets


def test_cards_are_read_from_the_kernels_list(tmp_path: Path) -> None:
    nodes = tmp_path / "sys/class/kfd/kfd/topology/nodes"
    for number, version in enumerate((0, 110000, 90010, 100306, 110000)):
        (nodes / str(number)).mkdir(parents=True)
        (nodes / str(number) / "properties").write_text(
            f"cpu_cores_count 8\nsimd_count 96\ngfx_target_version {version}\nname\n"
        )
    assert host_hardware.amd_targets(tmp_path) == ("gfx1036", "gfx1100", "gfx90a")
    assert host_hardware.amd_targets(tmp_path / "none") == ()
