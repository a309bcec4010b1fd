from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.backends.rows import EngineRuntime
from scripts.host.engine_devices import can_pass_on

NVIDIA = EngineRuntime("nvidia", "nvidia.com/gpu")


@pytest.mark.parametrize(
    ("info", "able"),
    [
        ({"Runtimes": {"runc": {}, "nvidia": {"path": "nvidia-container-runtime"}}}, True),
        ({"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}]}, True),
        ({"DiscoveredDevices": [{"Source": "cdi", "ID": "amd.com/gpu=all"}]}, False),
        ({"Runtimes": {"runc": {}}, "DiscoveredDevices": None}, False),
        ({"Name": "nvidia-box", "Labels": ["nvidia"], "Runtimes": {"runc": {}}}, False),
        ({"Runtimes": {"runc": {"path": "/opt/nvidia/runc"}}}, False),
        ({"Runtimes": None}, False),
        ({}, False),
    ],
)
def test_an_engine_passes_on_what_it_names_as_a_runtime_or_device(
    info: dict[str, Any], able: bool
) -> None:
    assert can_pass_on(json.dumps(info), NVIDIA) is able


@pytest.mark.parametrize("text", ["", "null", "[]", "Cannot connect to the Docker daemon"])
def test_an_engine_that_does_not_answer_passes_nothing_on(text: str) -> None:
    assert not can_pass_on(text, NVIDIA)
