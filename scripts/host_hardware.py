"""What GPU hardware this host can hand to a container."""

from __future__ import annotations

from pathlib import Path

from scripts import commands
from scripts.engine import Engine


def nvidia(engine: Engine) -> bool:
    """Whether a driver answers and the engine can pass its cards on (container toolkit or CDI)."""
    if commands.capture(["nvidia-smi", "--list-gpus"], timeout=10).code != 0:
        return False
    info = commands.capture(engine.argv("info", "--format", "{{json .}}"))
    return "nvidia" in info.out


def amd(root: Path = Path("/")) -> bool:
    """Whether the kernel's compute node and a render node are there."""
    return (root / "dev/kfd").exists() and any(root.glob("dev/dri/renderD*"))
