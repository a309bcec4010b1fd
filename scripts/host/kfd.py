"""Reads AMD's cards from the kernel's list of compute nodes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: Where the kernel lists the nodes, below the root of the file system.
NODES = "sys/class/kfd/kfd/topology/nodes"


@dataclass(frozen=True)
class Card:
    """A card's target as LLVM names it (`gfx1100`), empty where it does not say it; its compute
    units.
    """

    target: str
    units: int


def cards(root: Path) -> tuple[Card, ...] | None:
    """The cards. Empty without a list of nodes, None where the kernel lists nodes, but no card."""
    found = []
    paths = sorted(root.glob(f"{NODES}/*/properties"), key=lambda path: int(path.parent.name))
    for path in paths:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
        pairs = dict(line.split(maxsplit=1) for line in lines if len(line.split()) > 1)
        simds = int(pairs.get("simd_count", "0"))
        if simds > 0:  # a node without SIMDs is a CPU
            version = int(pairs.get("gfx_target_version", "0"))
            units = simds // max(1, int(pairs.get("simd_per_cu", "1")))
            found.append(Card(target(version) if version else "", units))
    if paths and not found:
        return None
    return tuple(found)


def target(version: int) -> str:
    """`gfx90a` for 90010.

    `gfx_target_version` is major * 10000 + minor * 100 + stepping (Linux, kfd_topology.c); the name
    has minor and stepping as hexadecimal digits.
    """
    major, minor, stepping = version // 10000, version // 100 % 100, version % 100
    return f"gfx{major}{minor:x}{stepping:x}"
