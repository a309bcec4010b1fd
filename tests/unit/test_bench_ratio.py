"""The line of a comparison says whether its aim is met, for both directions of the aim."""

from __future__ import annotations

import pytest

from tests.bench.ratio import Ratio


@pytest.mark.parametrize(
    ("ours", "more_is_better", "verdict"),
    [
        (0.9, False, "aim <= 1: met"),
        (1.1, False, "aim <= 1: MISSED"),
        (0.9, True, "aim >= 1: MISSED"),
        (1.1, True, "aim >= 1: met"),
    ],
    ids=["below_maximum", "above_maximum", "below_minimum", "above_minimum"],
)
def test_line_says_whether_the_aim_is_met_when_the_ratio_is(
    ours: float, more_is_better: bool, verdict: str
) -> None:
    line = Ratio("ours", "peer", [ours, 9, 0], [1.0], "s", 1, more_is_better).line()
    assert f"= {ours:.3f} ({verdict}; n=3, 0.000 to 9.000 / 1.000 to 1.000; load " in line
