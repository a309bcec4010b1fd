"""GPUs: is one there, does its driver answer, can a container be given it.

A machine without a GPU passes: it runs on the CPU. A card that is there and cannot be used is a
warning, since the fall back to the CPU would go unnoticed otherwise.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from scripts import docker_engine as engine
from scripts.doctor.finding import Finding, Scene
from scripts.host import hardware as host_hardware
from scripts.shared import commands

#: PCI vendor of NVIDIA, and the classes of display controllers (VGA, 3D), as sysfs writes them.
_NVIDIA = "0x10de"
_DISPLAYS = ("0x0300", "0x0302")

_QUERY = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]


def nvidia_driver(_: Scene) -> Finding:
    """The cards that the driver names."""
    result = commands.capture(_QUERY, timeout=10)
    fault = (result.out or result.err).strip().splitlines()
    return judge_driver(result.code, fault, nvidia_on_bus(Path("/sys/bus/pci/devices")))


def judge_driver(code: int, lines: list[str], on_bus: bool) -> Finding:
    """Judge by the status and output of nvidia-smi (127: not installed) and the PCI bus."""
    name = "NVIDIA driver"
    if code == 0 and lines:
        return Finding(name, "pass", "; ".join(lines))
    if code == 127:
        if not on_bus:
            return Finding(name, "pass", "none: CPU")
        return Finding(name, "warn", "a card without its driver", "Install NVIDIA's driver.")
    said = lines[0] if lines else f"exit status {code}"
    hint = "Reboot after a driver upgrade; else reinstall the driver."
    return Finding(name, "warn", f"nvidia-smi fails: {said}", hint)


def nvidia_on_bus(devices: Path) -> bool:
    """Whether a display controller of NVIDIA is on the PCI bus."""
    for device in devices.glob("*"):
        try:
            vendor = (device / "vendor").read_text(encoding="ascii").strip()
            kind = (device / "class").read_text(encoding="ascii")[:6]
        except OSError:
            continue
        if vendor == _NVIDIA and kind in _DISPLAYS:
            return True
    return False


def nvidia_toolkit(scene: Scene) -> Finding:
    """Whether the engine can hand NVIDIA's cards to a container."""
    if commands.capture(["nvidia-smi", "--list-gpus"], timeout=10).code != 0:
        return judge_toolkit(card=False, passed_on=False, installed=False)
    found = engine.find(scene.settings)
    passed_on = found is not None and host_hardware.nvidia(found)
    installed = shutil.which("nvidia-ctk") is not None
    return judge_toolkit(card=True, passed_on=passed_on, installed=installed)


def judge_toolkit(*, card: bool, passed_on: bool, installed: bool) -> Finding:
    """Judge by: a card answers, the engine names a runtime or CDI device, nvidia-ctk is there."""
    name = "NVIDIA toolkit"
    if not card:
        return Finding(name, "pass", "not needed")
    if passed_on:
        return Finding(name, "pass", "the engine can pass the cards on")
    if installed:
        command = "sudo nvidia-ctk runtime configure --runtime=docker, then restart the engine"
        return Finding(name, "warn", "installed, and the engine does not know it", command)
    return Finding(name, "warn", "not installed", "Install nvidia-container-toolkit.")


def amd(_: Scene) -> Finding:
    """The nodes that ROCm needs, and whether this user may open them."""
    root = Path("/")
    render = sorted(root.glob("dev/dri/renderD*"))
    kfd = root / "dev/kfd"
    return judge_amd(kfd.exists(), len(render), os.access(kfd, os.R_OK | os.W_OK))


def judge_amd(kfd: bool, render: int, allowed: bool) -> Finding:
    """Judge by /dev/kfd, the count of render nodes and the right to open the first."""
    name = "AMD GPU"
    if not kfd:
        return Finding(name, "pass", "none: CPU" if not render else "none (no /dev/kfd): CPU")
    if not render:
        hint = "Load the amdgpu driver (dmesg tells why it has not)."
        return Finding(name, "warn", "/dev/kfd and no render node", hint)
    if not allowed:
        detail = "this user may not open /dev/kfd; a container is given its group by number"
        return Finding(name, "pass", f"/dev/kfd, {render} render nodes; {detail}")
    return Finding(name, "pass", f"/dev/kfd, {render} render nodes")
