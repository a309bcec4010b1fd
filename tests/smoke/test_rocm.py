"""The image on an AMD card: it finds the card, answers as on the CPU, and finds it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts.backends import table as backends
from scripts.docker_engine import Engine
from tests import containers
from tests.smoke import gpu


def test_image_serves_on_the_card_then_on_the_cpu_then_on_the_card_again(
    engine: Engine, image: dict[str, Any], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    mode = backends.read().mode("rocm")
    gpu.require(mode, engine, pytestconfig)
    with containers.folder(tmp_path / "data") as data:
        container = containers.describe(image["digest"], data, mode=mode)
        found = gpu.session(engine, container, image["model"]["name"])
    gpu.check(found, "rocm")
    gpu.record(engine, image, found, gpu.kernel_driver(), pytestconfig.getoption("--record"))
