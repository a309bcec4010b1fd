"""What GPU hardware this host can hand to a container."""

from __future__ import annotations

from pathlib import Path

from scripts.docker_engine import Engine
from scripts.shared import commands


def nvidia(engine: Engine) -> bool:
    """Whether a driver answers and the engine can pass its cards on (container toolkit or CDI)."""
    if commands.capture(["nvidia-smi", "--list-gpus"], timeout=10).code != 0:
        return False
    info = commands.capture(engine.argv("info", "--format", "{{json .}}"))
    return "nvidia" in info.out


def amd(root: Path = Path("/")) -> bool:
    """Whether the kernel's compute node and a render node are there."""
    return (root / "dev/kfd").exists() and any(root.glob("dev/dri/renderD*"))


def amd_targets(root: Path = Path("/")) -> tuple[str, ...]:
    """The cards' targets as LLVM names them (`gfx1100`), out of the kernel's list.

    `gfx_target_version` is major * 10000 + minor * 100 + stepping (Linux, kfd_topology.c); the name
    has minor and stepping as hexadecimal digits. A node without one is a CPU.
    """
    names = set()
    for properties in root.glob("sys/class/kfd/kfd/topology/nodes/*/properties"):
        lines = properties.read_text(encoding="ascii", errors="replace").splitlines()
        pairs = dict(line.split(maxsplit=1) for line in lines if len(line.split()) > 1)
        version = int(pairs.get("gfx_target_version", "0"))
        if version > 0:
            major, minor, stepping = version // 10000, version // 100 % 100, version % 100
            names.add(f"gfx{major}{minor:x}{stepping:x}")
    return tuple(sorted(names))
