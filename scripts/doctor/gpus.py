"""GPUs: one check for each row of the table of backends that has signs.

A machine without a GPU passes: it runs on the CPU. Hardware that is there and cannot be used is a
warning, since the fall back to the CPU would go unnoticed otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from scripts.backends.table import Mode, Table
from scripts.doctor.finding import Finding, Scene, State
from scripts.host import hardware
from scripts.host.hardware import Presence


def checks(table: Table) -> list[Callable[[Scene], Finding]]:
    """A check for each row, in the table's order."""
    return [partial(check, mode) for mode in table.modes if mode.signs]


def check(mode: Mode, scene: Scene) -> Finding:
    """Look at the hardware of one row."""
    return finding(hardware.presence(mode, scene.engine))


def finding(found: Presence) -> Finding:
    """What was seen, as a row of the report."""
    state: State = "warn" if found.state == "broken" else "pass"
    return Finding(found.mode.title, state, found.said, found.next)
