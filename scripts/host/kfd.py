"""Reads the targets of AMD's cards from the kernel's list of compute nodes."""

from __future__ import annotations

from pathlib import Path

#: Where the kernel lists the nodes, below the root of the file system.
NODES = "sys/class/kfd/kfd/topology/nodes"


def targets(root: Path) -> tuple[str, ...] | None:
    """The cards' targets as LLVM names them (`gfx1100`), sorted, each once.

    Empty where a card does not say its target, None where the kernel lists nodes, but no card.
    """
    cards = []
    paths = sorted(root.glob(f"{NODES}/*/properties"))
    for path in paths:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
        pairs = dict(line.split(maxsplit=1) for line in lines if len(line.split()) > 1)
        if int(pairs.get("simd_count", "0")) > 0:  # a node without SIMDs is a CPU
            cards.append(int(pairs.get("gfx_target_version", "0")))
    if paths and not cards:
        return None
    return tuple(sorted({target(version) for version in cards if version > 0}))


def target(version: int) -> str:
    """`gfx90a` for 90010.

    `gfx_target_version` is major * 10000 + minor * 100 + stepping (Linux, kfd_topology.c); the name
    has minor and stepping as hexadecimal digits.
    """
    major, minor, stepping = version // 10000, version // 100 % 100, version % 100
    return f"gfx{major}{minor:x}{stepping:x}"
