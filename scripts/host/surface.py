"""Looks at what a row of the table of backends names on this host: tools, nodes, library, cards."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from scripts.backends.card_rows import Integrated, Vendor
from scripts.backends.rows import Library, Mode
from scripts.host import kfd
from scripts.shared import commands
from scripts.shared.commands import Result

#: Classes of the PCI bus that a card may have, as sysfs writes them: VGA, 3D and other display
#: controllers, processing accelerators.
CARD_CLASSES = ("0x0300", "0x0302", "0x0380", "0x1200")

#: A program that loads the library of its argument.
LOAD = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"

#: Seconds for a tool: one of a lost card hangs.
TOOL_TIMEOUT = 10.0

#: Seconds that it has to end after SIGTERM, and again after SIGKILL.
TOOL_GRACE = 1.0


@dataclass(frozen=True)
class Surface:
    """What was seen for one row.

    `tools` are answers by program (127: it is not installed), `nodes` paths by the row's pattern.
    `cards` are the targets that the kernel lists: empty where it does not say, None where it lists
    no card. `weak` are those of a processor's graphics with too few compute units to be taken.
    `on_bus` is a card on the PCI bus, `unserved` one that is too old for every build.
    `missing` are devices that the row's flags would hand over and that are not there.
    """

    tools: Mapping[str, Result] = field(default_factory=dict)
    nodes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    library: bool = False
    cards: tuple[str, ...] | None = ()
    weak: tuple[str, ...] = ()
    on_bus: bool = False
    unserved: bool = False
    missing: tuple[str, ...] = ()


def look(
    mode: Mode,
    root: Path = Path("/"),
    run: Callable[[Sequence[str]], Result] = lambda argv: commands.capture(
        argv, timeout=TOOL_TIMEOUT, grace=TOOL_GRACE
    ),
) -> Surface:
    """Look below `root`; `run` starts a tool of the row."""
    handed = devices_in(mode.container.run)
    reads_cards = any(sign.cards for sign in mode.signs)
    makers = {each.pci for each in (mode.vendor, *mode.vendors) if each}
    nodes = {
        pattern: tuple(node for node in _glob(root, pattern) if _may_be_of(root, node, makers))
        for sign in mode.signs
        for pattern in sign.nodes
    }
    library = mode.library is not None and any(
        all(nodes[pattern] for pattern in sign.nodes) and loads(mode.library, run)
        for sign in mode.signs
        if sign.needs_library
    )
    cards, weak = _cards(root, mode.integrated) if reads_cards else ((), ())
    bus = _bus(root, mode.vendor)
    return Surface(
        tools={tool[0]: run(tool) for tool in _tools(mode, nodes, library)},
        nodes=nodes,
        library=library,
        cards=cards,
        weak=weak,
        on_bus="served" in bus,
        unserved=bus == {"unserved"},
        missing=tuple(path for path in handed if not (root / path.lstrip("/")).exists()),
    )


def _tools(
    mode: Mode, nodes: Mapping[str, tuple[str, ...]], library: bool
) -> Iterator[tuple[str, ...]]:
    """The tools to ask, up to the first sign whose nodes are there: a tool may take seconds."""
    for sign in mode.signs:
        if sign.tool:
            yield sign.tool
        elif sign.variable:
            continue
        elif all(nodes[pattern] for pattern in sign.nodes) and (library or not sign.needs_library):
            return


def _glob(root: Path, pattern: str) -> tuple[str, ...]:
    return tuple(f"/{path.relative_to(root)}" for path in sorted(root.glob(pattern)))


def devices_in(flags: Sequence[str]) -> tuple[str, ...]:
    """The host's devices in flags of `docker run`: `/dev/a` of `--device /dev/a:/dev/b:rw`.

    A CDI device such as `vendor.com/gpu=all` is no path.
    """
    values = [value for flag, value in pairwise((*flags, "")) if flag == "--device"]
    values += [flag.partition("=")[2] for flag in flags if flag.startswith("--device=")]
    return tuple(value.partition(":")[0] for value in values if value.startswith("/"))


def loads(library: Library, run: Callable[[Sequence[str]], Result]) -> bool:
    """Whether the loader finds the driver's library. In a program of its own: it runs code."""
    return run((sys.executable, "-c", LOAD, library.name)).code == 0


def _may_be_of(root: Path, node: str, makers: Set[str]) -> bool:
    """Whether a node may be one of these vendors': sysfs knows it of render nodes."""
    try:
        path = root / "sys/class/drm" / Path(node).name / "device/vendor"
        maker = path.read_text(encoding="ascii").strip()
    except OSError:
        return True
    return not makers or maker in makers


def _cards(
    root: Path, integrated: Integrated | None
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The targets of the cards, sorted and each once; and of all, where all are too weak."""
    found = kfd.cards(root)
    if found is None:
        return None, ()

    def is_weak(card: kfd.Card) -> bool:
        known = integrated is not None and card.target in integrated.targets
        return integrated is not None and known and card.units < integrated.minimum_units

    strong = [card for card in found if not is_weak(card)]
    weak = [] if strong else found
    return _names(strong), _names(weak)


def _names(cards: Sequence[kfd.Card]) -> tuple[str, ...]:
    return tuple(sorted({card.target for card in cards if card.target}))


def _bus(root: Path, vendor: Vendor | None) -> set[str]:
    """What of this vendor is on the PCI bus: cards that are served, cards that no build serves."""
    found = set()
    for device in root.glob("sys/bus/pci/devices/*"):
        try:
            maker = (device / "vendor").read_text(encoding="ascii").strip()
            kind = (device / "class").read_text(encoding="ascii")[:6]
            number = int((device / "device").read_text(encoding="ascii"), 16)
        except (OSError, ValueError):
            continue
        if vendor is not None and maker == vendor.pci and kind in CARD_CLASSES:
            old = vendor.unserved is not None and number < int(vendor.unserved.below, 16)
            found.add("unserved" if old else "served")
    return found
