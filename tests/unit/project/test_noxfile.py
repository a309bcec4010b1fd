from __future__ import annotations

import re
import sys

from scripts.backends import table as backends
from scripts.shared import commands
from scripts.shared.paths import REPOSITORY


def test_nox_lists_the_sessions_and_runs_those_that_need_no_card() -> None:
    listed = commands.check([sys.executable, "-m", "nox", "-l"], cwd=REPOSITORY)
    rows = dict(reversed(row) for row in re.findall(r"^([*-]) (\w+) -> \S", listed, re.MULTILINE))
    assert {name for name, mark in rows.items() if mark == "*"} == {
        "lint",
        "unit",
        "image",
        "smoke_cpu",
    }
    assert {name for name, mark in rows.items() if mark == "-"} == {
        "coverage",
        *(f"smoke_{name}" for name in backends.read().names if name != "cpu"),
        "bench",
        "reproducible",
        "kills",
        "fleet",
        "fleet_bench",
    }
