"""The image on an AMD card: chosen by itself, the same prompts as on the CPU, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts.docker_engine import Engine
from scripts.host import hardware as host_hardware
from tests import containers
from tests.smoke import gpu


def test_it_serves_from_the_card_from_the_cpu_and_from_the_card_again(
    engine: Engine, image: dict[str, Any], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    gpu.require(host_hardware.amd(), "AMD card (/dev/kfd and a render node)", pytestconfig)
    with containers.folder(tmp_path / "data") as data:
        container = containers.describe(image["digest"], data, hardware="amd")
        found = gpu.session(engine, container, image["model"]["name"])
    gpu.check(found, "rocm")
    gpu.record(engine, image, found, gpu.amd_driver(), pytestconfig.getoption("--record"))
