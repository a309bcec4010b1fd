"""What a Docker engine can pass on to a container, as `docker info` names it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from scripts.backends.rows import EngineRuntime
from scripts.docker_engine import Engine
from scripts.shared import commands


@dataclass(frozen=True)
class EngineDevices:
    """The engine's runtimes (`nvidia`), and the kinds of its CDI devices (`nvidia.com/gpu`)."""

    runtimes: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()

    def can_pass_on(self, runtime: EngineRuntime) -> bool:
        """Whether the engine has the runtime or the device of a row."""
        return runtime.name in self.runtimes or runtime.device in self.kinds


def ask(engine: Engine) -> EngineDevices:
    """Ask an engine; one that does not answer can pass nothing on."""
    return parse(commands.capture(engine.argv("info", "--format", "{{json .}}"), timeout=20).out)


def parse(info: str) -> EngineDevices:
    """Read `Runtimes` and `DiscoveredDevices` of `docker info` in JSON.

    An engine before 28.2 has no `DiscoveredDevices`, one without any device has null there. The ID
    of a device is its kind and its name, `nvidia.com/gpu=all`.
    """
    try:
        value = json.loads(info)
    except ValueError:
        return EngineDevices()
    if not isinstance(value, dict):
        return EngineDevices()
    devices = value.get("DiscoveredDevices") or []
    kinds = (str(device.get("ID", "")).partition("=")[0] for device in devices)
    return EngineDevices(frozenset(value.get("Runtimes") or {}), frozenset(kinds) - {""})
