from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.backends.variants import VARIANTS
from scripts.image.budget import Budgets, check, read, table
from scripts.shared.errors import OverBudget, UsageError

MB = 1_000_000


BUDGETS = Budgets({"cpu": 150 * MB, "rocm": 300 * MB}, {"gfx90a": 90 * MB}, 20 * MB)


def test_every_variant_has_a_budget() -> None:
    assert set(read().variants) == set(VARIANTS)


def test_budgets_are_written_in_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "budgets.json"
    rows = {"variants": {"cpu": 1.5}, "rocm targets": {"gfx90a": 2}, "any other rocm target": 0.5}
    path.write_text(json.dumps(rows))
    assert read(path) == Budgets({"cpu": 1_500_000}, {"gfx90a": 2_000_000}, 500_000)


@pytest.mark.parametrize(
    ("variant", "targets", "megabytes"),
    [("cpu", (), 150), ("rocm", ("gfx1100",), 320), ("rocm", ("gfx906", "gfx90a"), 410)],
)
def test_each_rocm_target_adds_its_kernels(
    variant: str, targets: tuple[str, ...], megabytes: int
) -> None:
    assert BUDGETS.limit(variant, targets) == megabytes * MB


def test_within_the_budget_the_room_left_is_told() -> None:
    assert check("cpu", 150 * MB, 200 * MB) == "cpu: 150.0 MB of 200.0 MB (75 %)"
    assert "100 %" in check("cpu", 200 * MB, 200 * MB)


def test_over_the_budget_is_an_error() -> None:
    with pytest.raises(OverBudget, match=r"200\.0 MB compressed, its budget 150\.0 MB"):
        check("cpu", 200 * MB, 150 * MB)


def test_what_cannot_be_compared_is_told() -> None:
    with pytest.raises(UsageError, match="compressed"):
        check("cpu", None, 1)
    with pytest.raises(UsageError, match="no budget"):
        BUDGETS.limit("quantum", ())


def test_the_largest_files_are_listed_with_their_sizes() -> None:
    assert table([(2_000_000, "/a"), (10, "/b c")]) == "    2.0 MB  /a\n      10 B  /b c"
