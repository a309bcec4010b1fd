"""Looks at what a row of the table of backends names on this host: tools, nodes, library, cards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.backends.rows import Library, Mode, Vendor
from scripts.host import kfd
from scripts.shared import commands
from scripts.shared.commands import Result

#: Classes of the PCI bus that a card may have, as sysfs writes them: VGA, 3D and other display
#: controllers, processing accelerators.
CARD_CLASSES = ("0x0300", "0x0302", "0x0380", "0x1200")

#: Seconds for a tool: one of a lost card hangs.
TOOL_TIMEOUT = 10.0


@dataclass(frozen=True)
class Surface:
    """What was seen for one row.

    `tools` are answers by program (127: it is not installed), `nodes` paths by the row's pattern.
    `cards` are the targets that the kernel lists: empty where it does not say, None where it lists
    no card. `missing` are devices that the row's flags would hand over and that are not there.
    """

    tools: Mapping[str, Result] = field(default_factory=dict)
    nodes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    library: bool = False
    cards: tuple[str, ...] | None = ()
    on_bus: bool = False
    missing: tuple[str, ...] = ()


def look(
    mode: Mode,
    root: Path = Path("/"),
    run: Callable[[Sequence[str]], Result] = lambda argv: commands.capture(
        argv, timeout=TOOL_TIMEOUT
    ),
) -> Surface:
    """Look below `root`; `run` starts a tool of the row."""
    handed = devices_in(mode.container.run)
    reads_cards = any(sign.cards for sign in mode.signs)
    nodes = {pattern: _glob(root, pattern) for sign in mode.signs for pattern in sign.nodes}
    library = mode.library is not None and has_library(root, mode.library)
    return Surface(
        tools={tool[0]: run(tool) for tool in _tools(mode, nodes, library)},
        nodes=nodes,
        library=library,
        cards=kfd.targets(root) if reads_cards else (),
        on_bus=mode.vendor is not None and is_on_bus(root, mode.vendor),
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
    pairs = zip(flags, (*flags[1:], ""), strict=True)
    values = [value for flag, value in pairs if flag == "--device"]
    values += [flag.partition("=")[2] for flag in flags if flag.startswith("--device=")]
    return tuple(value.partition(":")[0] for value in values if value.startswith("/"))


def has_library(root: Path, library: Library) -> bool:
    """Whether the driver's library is in one of its folders; an empty file does not count."""
    paths = (path / library.name for folder in library.folders for path in root.glob(folder))
    return any(path.is_file() and path.stat().st_size > 0 for path in paths)


def is_on_bus(root: Path, vendor: Vendor) -> bool:
    """Whether a card of this vendor is on the PCI bus."""
    for device in root.glob("sys/bus/pci/devices/*"):
        try:
            maker = (device / "vendor").read_text(encoding="ascii").strip()
            kind = (device / "class").read_text(encoding="ascii")[:6]
        except OSError:
            continue
        if maker == vendor.pci and kind in CARD_CLASSES:
            return True
    return False
