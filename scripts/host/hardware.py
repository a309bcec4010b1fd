"""Decides which modes' hardware this host can hand to a container, and says what is in the way."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from scripts.backends.rows import EngineRuntime, Mode, Sign
from scripts.backends.table import Table
from scripts.docker_engine import Engine
from scripts.host import engine_devices
from scripts.host.surface import Surface, look

#: `broken`: there is hardware, but something is missing before a container can be given it.
State = Literal["absent", "broken", "present"]


@dataclass(frozen=True)
class Presence:
    """The hardware of one row on this host: `said` tells what was seen, `next` what helps.

    `targets` are those of its cards (`gfx1100`), empty where they are not known.
    """

    mode: Mode
    state: State
    said: str
    next: str = ""
    targets: tuple[str, ...] = ()


def find(table: Table, engine: Engine | None, root: Path = Path("/")) -> list[Presence]:
    """Look at the hardware of each row that has signs, in the table's order."""
    return [presence(mode, engine, root) for mode in table.modes if mode.signs]


def presence(mode: Mode, engine: Engine | None, root: Path = Path("/")) -> Presence:
    """Look at the hardware of one row. The engine is asked only where its answer matters."""
    found = judge(mode, look(mode, root))
    runtime = mode.container.engine_runtime
    if found.state != "present" or runtime is None:
        return found
    knows = engine is not None and engine_devices.can_pass_on(engine_devices.ask(engine), runtime)
    toolkit = mode.host.toolkit
    return judge_engine(found, runtime, knows, bool(toolkit and shutil.which(toolkit.tool)))


def present(found: list[Presence]) -> dict[str, tuple[str, ...]]:
    """What a container can be given: modes by name, with the targets of their cards."""
    return {each.mode.name: each.targets for each in found if each.state == "present"}


def judge(mode: Mode, seen: Surface) -> Presence:
    """Judge one row by what was seen, before the engine is asked.

    A sign that is a variable is of the container's user, and says nothing about this host.
    """
    if seen.unserved and mode.vendor and mode.vendor.unserved:
        said = f"none (a card on the PCI bus: {mode.vendor.unserved.cause}): CPU"
        return Presence(mode, "absent", said)
    signs = [_tool(mode, sign, seen) if sign.tool else _nodes(mode, sign, seen)
             for sign in mode.signs if not sign.variable]  # fmt: skip
    for found in signs:
        if found.state == "present" and seen.missing:
            said = f"{found.said}; {', '.join(seen.missing)} is missing"
            return Presence(mode, "broken", said, mode.host.driver)
        if found.state != "absent":
            return found
    notes = "; ".join(found.said for found in signs if found.said)
    notes = f" ({notes})" if notes else ""
    if seen.on_bus:
        said = f"a card is on the PCI bus, but its driver is missing{notes}"
        return Presence(mode, "broken", said, mode.host.driver)
    return Presence(mode, "absent", f"none{notes}: CPU")


def judge_engine(
    found: Presence, runtime: EngineRuntime, knows: bool, has_toolkit: bool
) -> Presence:
    """Whether an engine can pass the cards on: `knows` says if it names the runtime or device."""
    toolkit = found.mode.host.toolkit
    if knows:
        return replace(found, said=f"{found.said}; the engine can pass it on")
    if toolkit is None:
        said, step = f"the engine has no runtime {runtime.name}", ""
    elif has_toolkit:
        said = f"{toolkit.tool} is installed, but the engine does not know it"
        step = toolkit.configure
    else:
        said, step = f"{toolkit.tool} is not installed", toolkit.install
    return replace(found, state="broken", said=f"{found.said}; {said}", next=step)


def _tool(mode: Mode, sign: Sign, seen: Surface) -> Presence:
    name = sign.tool[0]
    answer = seen.tools.get(name)
    if answer is None or answer.code == 127:
        return Presence(mode, "absent", "")
    lines = (answer.out or answer.err).strip().splitlines()
    no_device = any(words in line for words in sign.no_device for line in lines)
    if no_device and not seen.on_bus:
        return Presence(mode, "absent", f"{name} says: {lines[0]}")
    if answer.code == 0 and lines and not no_device:
        return Presence(mode, "present", "; ".join(_described(sign, line) for line in lines))
    fault = lines[0] if lines else f"exit status {answer.code}"
    return Presence(mode, "broken", f"{name} fails: {fault}", mode.host.repair)


def _described(sign: Sign, line: str) -> str:
    """A line of the tool without its last column, where that is about MIG and there is none."""
    card, _, mig = line.rpartition(", ")
    return card if sign.columns[-1:] == ("mig",) and mig in ("[N/A]", "Disabled") else line


def _nodes(mode: Mode, sign: Sign, seen: Surface) -> Presence:
    found = {pattern: seen.nodes.get(pattern, ()) for pattern in sign.nodes}
    first = sign.nodes[0]
    lacking = [f"/{pattern}" for pattern, nodes in found.items() if not nodes]
    if not found[first]:
        others = any(found.values())  # a render node may be another vendor's
        return Presence(mode, "absent", f"no /{first}" if others else "")
    if sign.cards and seen.weak and not seen.cards:
        weak = ", ".join(seen.weak)
        return Presence(mode, "absent", f"{weak} is a processor's own graphics, and slower than it")
    fault = ""
    if lacking:
        fault = f"no {', '.join(lacking)}"
    elif sign.needs_library and not seen.library:
        name = mode.library.name if mode.library else "library"
        return Presence(mode, "absent", f"/{first} is there, but no {name}")
    elif sign.cards and seen.cards is None:
        fault = "the kernel lists no card"
    if fault:
        return Presence(mode, "broken", f"/{first} is there, but {fault}", mode.host.driver)
    targets = (seen.cards or ()) if sign.cards else ()
    said = ", ".join([*targets, *(node for nodes in found.values() for node in nodes)])
    return Presence(mode, "present", said, targets=targets)
