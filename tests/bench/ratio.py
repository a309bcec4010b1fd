"""One comparison: our figures, the peer's figures, and the ratio of their medians."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """One line of the report. `ours` and `peer` hold one figure per run, in `unit`.

    `aim` is the highest good value, or with `more_is_better` the lowest.
    """

    name: str
    peer_name: str
    ours: Sequence[float]
    peer: Sequence[float]
    unit: str
    aim: float
    more_is_better: bool = False

    @property
    def value(self) -> float:
        """Median over median."""
        return statistics.median(self.ours) / statistics.median(self.peer)

    @property
    def met(self) -> bool:
        """Whether the aim is reached."""
        return self.value >= self.aim if self.more_is_better else self.value <= self.aim

    def line(self) -> str:
        """The line as printed."""
        ours, peer = statistics.median(self.ours), statistics.median(self.peer)
        sign = ">=" if self.more_is_better else "<="
        return (
            f"{self.name} / {self.peer_name}: {ours:.3f} / {peer:.3f} {self.unit}"
            f" = {self.value:.3f} (aim {sign} {self.aim:g}: {'met' if self.met else 'MISSED'};"
            f" n={len(self.ours)}, {_spread(self.ours)} / {_spread(self.peer)};"
            f" load {os.getloadavg()[0]:.1f})"
        )


def _spread(figures: Sequence[float]) -> str:
    return f"{min(figures):.3f} to {max(figures):.3f}"


def seconds(action: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    began = time.monotonic()
    action()
    return time.monotonic() - began


def time_in_turn(
    ours: Callable[[], object], peer: Callable[[], object], runs: int
) -> tuple[list[float], list[float]]:
    """Time both in turn, ours first, `runs` times, so that changes of the machine affect both."""
    timed = [(seconds(ours), seconds(peer)) for _ in range(runs)]
    return [pair[0] for pair in timed], [pair[1] for pair in timed]
