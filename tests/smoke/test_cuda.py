"""The image on an NVIDIA card: it finds the card, answers as on the CPU, and finds it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts.docker_engine import Engine
from scripts.host import hardware as host_hardware
from tests import containers
from tests.smoke import gpu


def test_image_serves_on_the_card_then_on_the_cpu_then_on_the_card_again(
    engine: Engine, image: dict[str, Any], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    gpu.require(host_hardware.nvidia(engine), "NVIDIA card with container toolkit", pytestconfig)
    with containers.folder(tmp_path / "data") as data:
        container = containers.describe(image["digest"], data, hardware="nvidia")
        found = gpu.session(engine, container, image["model"]["name"])
    gpu.check(found, "cuda")
    gpu.record(engine, image, found, gpu.nvidia_driver(), pytestconfig.getoption("--record"))
