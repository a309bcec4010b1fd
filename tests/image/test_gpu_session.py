"""The session of the GPU smoke tests, on a stand-in card: it passes and writes its record."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.docker_engine import Engine
from scripts.shared.paths import REPOSITORY
from tests import containers
from tests.image import stand_in
from tests.image.gpu_surface import Fakes
from tests.smoke import gpu


@pytest.fixture
def card(tmp_path: Path) -> Callable[[], list[str]]:
    """The `docker run` flags that give a container a stand-in card."""

    def flags() -> list[str]:
        stand_in.put(tmp_path / "backends" / "cuda13" / "libggml-cuda.so")
        (tmp_path / "backends").chmod(0o755)
        mount = f"--volume={tmp_path}/backends:/opt/mentator/backends:ro"
        return [*Fakes(tmp_path).nvidia_smi().flags(), mount]

    return flags


def test_session_passes_on_a_stand_in_card_and_writes_its_record(
    engine: Engine, image: dict[str, Any], tmp_path: Path, card: Callable[[], list[str]]
) -> None:
    document = tmp_path / "hardware.md"
    shutil.copy(REPOSITORY / "docs" / "hardware.md", document)
    with containers.folder(tmp_path / "data") as data:
        container = containers.describe(image["digest"], data, flags=card())
        found = gpu.session(engine, container, image["model"]["name"], tokens=16)
    gpu.check(found, "cuda")
    assert found.first.candidate == "cuda13"
    gpu.record(engine, image, found, "1.2.3", document)
    assert f"| 1.2.3 | {image['digest'].removeprefix('sha256:')[:12]} | cuda13 |" in (
        document.read_text(encoding="utf-8")
    )
    # The check fails when the card was not used.
    with pytest.raises(AssertionError):
        gpu.check(replace(found, first=replace(found.first, layers=0)), "cuda")
    with pytest.raises(AssertionError):
        gpu.check(replace(found, first=found.cpu), "cuda")
