"""The service's own tests that compute on the real model: batching, shared prefixes, stops."""

from __future__ import annotations

from scripts.docker_engine import Engine
from scripts.shared.settings import Settings
from tests.image import stages


def test_the_service_computes_right_on_the_real_model(settings: Settings, engine: Engine) -> None:
    """They run in a build stage, and are cached as long as service and model do not change."""
    done = stages.build("engine-check", settings, engine)
    assert done.code == 0, done.err[-6000:]
