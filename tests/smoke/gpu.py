"""What the GPU smoke tests share: the skip where there is no card, and the prompts on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts import service_client
from scripts.engine import Engine
from tests import containers


def require(present: bool, what: str, config: pytest.Config) -> None:
    """Skip without the hardware, or fail where `--require-hardware` was given."""
    if present:
        return
    if config.getoption("--require-hardware"):
        pytest.fail(f"{what} is required and not on this machine")
    pytest.skip(f"no {what} on this machine")


def answers_on(
    engine: Engine, image: dict[str, Any], hardware: str, type_: str, data: Path
) -> None:
    """Start the image on the card; it must choose it by itself and answer from it."""
    container = containers.describe(image["digest"], str(data), hardware=hardware)
    with containers.folder(data), containers.healthy(engine, container) as running:
        state = service_client.get(running.address, "/state")
        assert state["gpuInfo"]["type"] == type_, running.log()
        answer = service_client.prompt(
            running.address,
            {
                "model": image["model"]["name"],
                "message": {"user": "What is the capital of France?"},
            },
        )
        assert "Paris" in answer["result"]["data"]
        state = service_client.get(running.address, "/state")
        assert state["currentModel"]["gpulayer"] > 0
