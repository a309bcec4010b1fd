from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.errors import OverBudget, UsageError
from scripts.size_budget import budgets, check, table
from scripts.variants import VARIANTS

MB = 1_000_000


def test_every_variant_has_a_budget() -> None:
    assert set(budgets()) == set(VARIANTS)


def test_budgets_are_written_in_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "budgets.json"
    path.write_text(json.dumps({"cpu": 1.5}))
    assert budgets(path) == {"cpu": 1_500_000}


def test_within_the_budget_the_room_left_is_told() -> None:
    assert check("cpu", 150 * MB, {"cpu": 200 * MB}) == "cpu: 150.0 MB of 200.0 MB (75 %)"
    assert "100 %" in check("cpu", 200 * MB, {"cpu": 200 * MB})


def test_over_the_budget_is_an_error() -> None:
    with pytest.raises(OverBudget, match=r"200\.0 MB compressed, its budget 150\.0 MB"):
        check("cpu", 200 * MB, {"cpu": 150 * MB})


def test_what_cannot_be_compared_is_told() -> None:
    with pytest.raises(UsageError, match="compressed"):
        check("cpu", None, {"cpu": 1})
    with pytest.raises(UsageError, match="no budget"):
        check("quantum", 1, {"cpu": 1})


def test_the_largest_files_are_listed_with_their_sizes() -> None:
    assert table([(2_000_000, "/a"), (10, "/b c")]) == "    2.0 MB  /a\n      10 B  /b c"
