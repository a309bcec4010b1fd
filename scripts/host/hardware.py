"""Decides which modes' hardware this host can hand to a container, and says what is in the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from scripts.backends.rows import Mode, Sign
from scripts.backends.table import Table
from scripts.docker_engine import Engine
from scripts.host import engine_devices
from scripts.host.engine_devices import EngineDevices
from scripts.host.surface import Answer, Node, Surface, look

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
    seen = look(mode, root)
    found = judge(mode, seen, EngineDevices())
    if found.state == "absent" or engine is None or mode.container.engine_runtime is None:
        return found
    return judge(mode, seen, engine_devices.ask(engine))


def present(found: list[Presence]) -> dict[str, tuple[str, ...]]:
    """What a container can be given: modes by name, with the targets of their cards."""
    return {each.mode.name: each.targets for each in found if each.state == "present"}


def judge(mode: Mode, seen: Surface, engine: EngineDevices) -> Presence:
    """Judge one row by what was seen and what the engine can pass on."""
    signs = [_sign(mode, sign, seen) for sign in mode.signs]
    for found in signs:
        if found.state == "present":
            return _for_a_container(found, seen, engine)
        if found.state == "broken":
            return found
    notes = "; ".join(found.said for found in signs if found.said)
    if seen.on_bus:
        said = "a card is on the PCI bus, but its driver is missing"
        return Presence(mode, "broken", f"{said} ({notes})" if notes else said, _driver(mode))
    return Presence(mode, "absent", f"none ({notes}): CPU" if notes else "none: CPU")


def _sign(mode: Mode, sign: Sign, seen: Surface) -> Presence:
    """One sign by itself; `said` is empty where it says nothing at all."""
    return _tool(mode, sign, seen) if sign.tool else _nodes(mode, sign, seen)


def _tool(mode: Mode, sign: Sign, seen: Surface) -> Presence:
    name = sign.tool[0]
    answer = seen.tools.get(name, Answer(127))
    if answer.code == 127:
        return Presence(mode, "absent", "")
    said = "; ".join(answer.lines)
    if any(words in said for words in sign.no_device) and not seen.on_bus:
        return Presence(mode, "absent", f"{name} says: {answer.lines[0]}")
    if answer.code == 0 and said and not any(words in said for words in sign.no_device):
        return Presence(mode, "present", said)
    fault = answer.lines[0] if answer.lines else f"exit status {answer.code}"
    return Presence(mode, "broken", f"{name} fails: {fault}", mode.host.repair if mode.host else "")


def _nodes(mode: Mode, sign: Sign, seen: Surface) -> Presence:
    found = {pattern: seen.nodes.get(pattern, ()) for pattern in sign.nodes}
    first = sign.nodes[0]
    lacking = [f"/{pattern}" for pattern, nodes in found.items() if not nodes]
    if not found[first]:
        others = any(found.values())  # a render node may be another vendor's
        return Presence(mode, "absent", f"no /{first}" if others else "")
    if lacking:
        said = f"/{first} is there, but no {', '.join(lacking)}"
        return Presence(mode, "broken", said, _driver(mode))
    if sign.needs_library and not seen.library:
        name = mode.library.name if mode.library else "library"
        return Presence(mode, "absent", f"/{first} is there, but no {name}")
    if sign.cards and seen.cards is None:
        said = f"/{first} is there, but the kernel lists no card"
        return Presence(mode, "broken", said, _driver(mode))
    targets = (seen.cards or ()) if sign.cards else ()
    nodes = [node for group in found.values() for node in group]
    said = ", ".join([*targets, *(node.path for node in nodes)])
    return Presence(mode, "present", said + _rights(nodes), targets=targets)


def _rights(nodes: list[Node]) -> str:
    closed = [node.path for node in nodes if not node.usable]
    if not closed:
        return ""
    return f"; this user may not open {', '.join(closed)}, but a container can join their groups"


def _for_a_container(found: Presence, seen: Surface, engine: EngineDevices) -> Presence:
    """Whether hardware that is there can be given to a container."""
    mode = found.mode
    if seen.missing:
        said = f"{found.said}; {', '.join(seen.missing)} is missing"
        return replace(found, state="broken", said=said, next=_driver(mode))
    runtime = mode.container.engine_runtime
    if runtime is None:
        return found
    if engine.can_pass_on(runtime):
        return replace(found, said=f"{found.said}; the engine can pass it on")
    toolkit = mode.host.toolkit if mode.host else None
    if toolkit is None:
        said = f"the engine has no runtime {runtime.name}"
        return replace(found, state="broken", said=f"{found.said}; {said}")
    if seen.toolkit:
        said, step = (
            f"{toolkit.tool} is installed, but the engine does not know it",
            toolkit.configure,
        )
    else:
        said, step = f"{toolkit.tool} is not installed", toolkit.install
    return replace(found, state="broken", said=f"{found.said}; {said}", next=step)


def _driver(mode: Mode) -> str:
    return mode.host.driver if mode.host else ""
