"""How an installed engine is started on this machine: systemd, sysvinit, or Docker Desktop."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from scripts.docker_engine import client
from scripts.shared import commands

#: The command of each way, and whether it needs root.
START: Mapping[str, tuple[list[str], bool]] = {
    "systemd": (["systemctl", "start", "docker"], True),
    "sysv": (["service", "docker", "start"], True),
    "openrc": (["rc-service", "docker", "start"], True),
    "desktop": (["docker", "desktop", "start"], False),
    "desktop-mac": (["open", "-a", "Docker"], False),
}

#: Seconds until an engine answers after its service was started; Desktop boots a machine.
PATIENCE: Mapping[str, float] = {"desktop": 240.0, "desktop-mac": 240.0}
DEFAULT_PATIENCE = 90.0

_UNITS = ("docker.service", "docker.socket", "containerd.service")

#: Before and after an installation that must not start anything. The mask is gone after a reboot
#: even if the installation is interrupted; unmasking starts nothing, and a masked unit cannot be
#: disabled.
HOLD = [["systemctl", "mask", "--runtime", *_UNITS]]
RELEASE = [
    ["systemctl", "unmask", "--runtime", *_UNITS],
    ["systemctl", "disable", *_UNITS],
]


def detect() -> str:
    """The way that an installed engine is started here, a key of `START`; "" where there is none.

    A machine without an init (a container, a small VM) has none: its engine is started by hand.
    """
    if sys.platform == "darwin":
        return "desktop-mac" if Path("/Applications/Docker.app").exists() else ""
    if client.current_context() == client.DESKTOP_CONTEXT:
        return "desktop"
    if systemd_runs():
        known = commands.capture(["systemctl", "cat", "docker.service"]).code == 0
        return "systemd" if known else ""
    script = Path("/etc/init.d/docker").exists()
    if script and Path("/run/openrc/softlevel").exists():
        return "openrc"
    return "sysv" if script and init_runs() else ""


def systemd_runs(run: Path = Path("/run")) -> bool:
    """Whether systemd is this machine's init, by the test of sd_booted(3)."""
    return (run / "systemd" / "system").is_dir()


def init_runs(proc: Path = Path("/proc")) -> bool:
    """Whether process 1 is sysvinit."""
    try:
        return (proc / "1" / "comm").read_text(encoding="utf-8").strip() == "init"
    except OSError:
        return False
