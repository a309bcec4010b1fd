"""`invoke size` on the last built image: budget, ROCm targets, largest files."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.backends import table as backends
from scripts.backends import variants
from scripts.docker_engine import Engine, EngineOptions
from scripts.image import budget as size_budget
from scripts.image import size_report


def test_image_is_within_its_budget(
    engine_options: EngineOptions, image: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    size_report.show(engine_options, check=True)
    assert "total" in capsys.readouterr().out


def test_image_lists_its_rocm_targets(engine: Engine, image: dict[str, Any]) -> None:
    targets = size_budget.targets(engine, image["digest"], backends.read())
    assert bool(targets["rocm"]) == ("rocm" in variants.find(image["variant"]).backends)


def test_largest_files_are_listed_in_order(engine: Engine, image: dict[str, Any]) -> None:
    files = size_budget.largest(engine, image["digest"])
    assert len(files) == size_budget.LARGEST
    assert files == sorted(files, reverse=True)
    # The default model is one of the ten in every variant.
    assert any(path.endswith(image["model"]["name"]) for _, path in files)
