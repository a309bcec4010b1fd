from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from scripts.backends import cards
from scripts.backends import table as backends
from scripts.backends.cards import CARDS, Card, judge
from scripts.backends.rows import Candidate, Container, Mode
from scripts.backends.table import Table

TABLE = backends.read()


def test_the_page_has_the_table_of_today() -> None:
    text = cards.PAGE.read_text(encoding="utf-8")
    hint = "Run .venv/bin/python -c 'from scripts.backends import cards; cards.write()'"
    assert cards.page(text, TABLE) == text, hint
    assert len(CARDS) >= 30


def modes(*names: str) -> Table:
    return replace(TABLE, modes=tuple(TABLE.mode(name) for name in names))


@pytest.mark.parametrize(
    ("card", "gets", "words"),
    [
        (Card("", "NVIDIA", "8.9"), "`cuda13`", ("machine code for 8.9", "driver 580", "`cuda12`")),
        (Card("", "NVIDIA", "9.0"), "`cuda13`", ("PTX for 9.0", "driver 590", "else `cuda12`")),
        (Card("", "NVIDIA", "6.1"), "`cuda12`", ("PTX for 6.1", "driver 550")),
        (Card("", "NVIDIA", "3.7", device="0x102d"), "`cpu`", ("older than Maxwell",)),
        (Card("", "AMD", "gfx1030"), "`rocm`", ("of its own",)),
        (Card("", "AMD", "gfx1032"), "`rocm`", ("for gfx1030",)),
        (Card("", "AMD", "gfx1103", units=12), "`rocm`", ("for gfx1102", "faster than the CPU")),
        (Card("", "AMD", "gfx1036", units=2), "`cpu`", ("2 compute units",)),
        (Card("", "AMD", "gfx803"), "`cpu`", ("given it up",)),
        (Card("", "AMD", "gfx942"), "`cpu`", ("no kernels for gfx942",)),
        (Card("", "Intel"), "`cpu`", ("no backend",)),
    ],
)
def test_what_a_card_gets(card: Card, gets: str, words: Sequence[str]) -> None:
    found, why = judge(modes("cuda", "rocm", "cpu"), card)
    assert found == gets
    assert [word for word in words if word not in why] == []


@pytest.mark.parametrize("card", [Card("", "AMD", "gfx803"), Card("", "Intel")])
def test_a_row_without_a_vendor_serves_the_others(card: Card) -> None:
    any_vendor = Mode(
        "vulkan", "Vulkan", "vulkan", Container("vulkan"), candidates=(Candidate("vulkan"),)
    )
    rows = (TABLE.mode("cuda"), TABLE.mode("rocm"), any_vendor, TABLE.mode("cpu"))
    gets, why = judge(replace(TABLE, modes=rows), card)
    assert (gets, "Vulkan is for every vendor" in why) == ("`vulkan`", True)
