from __future__ import annotations

from pathlib import Path

import pytest

from scripts.host import kfd


def write(root: Path, *nodes: tuple[int, int]) -> None:
    """The kernel's list: SIMDs and `gfx_target_version` of each node."""
    for number, (simds, version) in enumerate(nodes):
        folder = root / kfd.NODES / str(number)
        folder.mkdir(parents=True)
        text = f"cpu_cores_count 8\nsimd_count {simds}\nsimd_per_cu 2\n"
        text += f"gfx_target_version {version}\nname\n"
        (folder / "properties").write_text(text)


CPU = (0, 0)


@pytest.mark.parametrize(
    ("version", "name"),
    [(110000, "gfx1100"), (90010, "gfx90a"), (100306, "gfx1036"), (90402, "gfx942")],
)
def test_a_version_is_a_name(version: int, name: str) -> None:
    assert kfd.target(version) == name


def test_cards_are_read_from_the_kernels_list(tmp_path: Path) -> None:
    write(tmp_path, CPU, (96, 110000), (104, 90010), (2, 100306), (96, 110000))
    assert kfd.cards(tmp_path) == (
        kfd.Card("gfx1100", 48),
        kfd.Card("gfx90a", 52),
        kfd.Card("gfx1036", 1),
        kfd.Card("gfx1100", 48),
    )


def test_a_list_without_cards_is_not_the_same_as_no_list(tmp_path: Path) -> None:
    assert kfd.cards(tmp_path) == ()
    write(tmp_path, CPU)
    assert kfd.cards(tmp_path) is None


def test_a_card_that_does_not_say_its_target_has_none(tmp_path: Path) -> None:
    write(tmp_path, CPU, (96, 0))
    assert kfd.cards(tmp_path) == (kfd.Card("", 48),)
