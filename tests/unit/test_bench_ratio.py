"""A comparison's line says whether its aim is reached, in either direction."""

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
)
def test_the_aim_has_a_direction(ours: float, more_is_better: bool, verdict: str) -> None:
    line = Ratio("ours", "peer", [ours, 9, 0], [1.0], "s", 1, more_is_better).line()
    assert f"= {ours:.3f} ({verdict}; n=3, 0.000 to 9.000 / 1.000 to 1.000; load " in line
