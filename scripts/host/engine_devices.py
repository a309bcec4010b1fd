"""What a Docker engine can pass on to a container, as `docker info` names it."""

from __future__ import annotations

import json

from scripts.backends.rows import EngineRuntime
from scripts.docker_engine import Engine
from scripts.shared import commands


def ask(engine: Engine) -> str:
    """`docker info` in JSON; empty or no JSON where the engine does not answer."""
    return commands.capture(engine.argv("info", "--format", "{{json .}}"), timeout=20).out


def can_pass_on(info: str, runtime: EngineRuntime) -> bool:
    """Whether `docker info` names the runtime, or a CDI device of its kind.

    An engine before 28.2 has no `DiscoveredDevices`, one without any device has null there. The ID
    of a device is its kind and its name, `nvidia.com/gpu=all`.
    """
    try:
        value = json.loads(info)
    except ValueError:
        return False
    if not isinstance(value, dict):
        return False
    devices = value.get("DiscoveredDevices") or []
    kinds = {str(device.get("ID", "")).partition("=")[0] for device in devices}
    return runtime.name in (value.get("Runtimes") or {}) or runtime.device in kinds
