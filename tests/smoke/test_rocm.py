"""The image on an AMD card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts import host_hardware
from scripts.engine import Engine
from tests.smoke import gpu


def test_it_chooses_rocm_and_answers(
    engine: Engine, image: dict[str, Any], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    gpu.require(host_hardware.amd(), "AMD card (/dev/kfd and a render node)", pytestconfig)
    gpu.answers_on(engine, image, "amd", "rocm", tmp_path / "data")
