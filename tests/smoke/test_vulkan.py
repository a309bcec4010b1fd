"""The image on a card that Vulkan serves: found, answers as on the CPU, and found again."""

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
    """Demanded: a processor's own graphics may be slower than the processor, and is tested too."""
    mode = backends.read().mode("vulkan")
    gpu.require(mode, engine, pytestconfig)
    with containers.folder(tmp_path / "data") as data:
        container = containers.describe(
            image["digest"], data, mode=mode, flags=("--env", "MENTATOR_BACKEND=vulkan")
        )
        found = gpu.session(engine, container, image["model"]["name"])
    gpu.check(found, "vulkan")
    gpu.record(engine, image, found, gpu.kernel_driver(), pytestconfig.getoption("--record"))
