from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.backends import table as backends
from scripts.image.budget import Budgets, check, read, table, target_files
from scripts.shared.errors import OverBudget, UsageError

MB = 1_000_000


BUDGETS = Budgets(
    {"cpu": 150 * MB, "rocm": 300 * MB}, {"rocm": {"gfx90a": 90 * MB, "any other": 20 * MB}}
)


def test_budgets_are_written_in_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "budgets.json"
    rows = {"variants": {"cpu": 1.5}, "targets": {"rocm": {"gfx90a": 2, "any other": 0.5}}}
    path.write_text(json.dumps(rows))
    targets = {"rocm": {"gfx90a": 2_000_000, "any other": 500_000}}
    assert read(path) == Budgets({"cpu": 1_500_000}, targets)


@pytest.mark.parametrize(
    ("variant", "targets", "megabytes"),
    [("cpu", (), 150), ("rocm", ("gfx1100",), 320), ("rocm", ("gfx906", "gfx90a"), 410)],
)
def test_each_target_adds_its_kernels(
    variant: str, targets: tuple[str, ...], megabytes: int
) -> None:
    assert BUDGETS.limit(variant, {"rocm": targets}) == megabytes * MB


def test_within_the_budget_the_room_left_is_reported() -> None:
    assert check("cpu", 150 * MB, 200 * MB) == "cpu: 150.0 MB of 200.0 MB (75 %)"
    assert "100 %" in check("cpu", 200 * MB, 200 * MB)


def test_over_the_budget_is_an_error() -> None:
    with pytest.raises(OverBudget, match=r"200\.0 MB compressed, its budget 150\.0 MB"):
        check("cpu", 200 * MB, 150 * MB)


def test_what_cannot_be_compared_is_reported() -> None:
    with pytest.raises(UsageError, match="compressed"):
        check("cpu", None, 1)
    with pytest.raises(UsageError, match="no budget"):
        BUDGETS.limit("quantum", {})
    with pytest.raises(UsageError, match="Target t1 of other has no budget"):
        BUDGETS.limit("cpu", {"other": ("t1",)})


def test_the_files_that_list_targets_follow_from_the_table() -> None:
    files = target_files(backends.read())
    assert files == [("/opt/mentator/backends/rocm/targets.txt", "rocm")]


def test_the_largest_files_are_listed_with_their_sizes() -> None:
    assert table([(2_000_000, "/a"), (10, "/b c")]) == "    2.0 MB  /a\n      10 B  /b c"
