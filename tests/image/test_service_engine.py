"""The service's own tests that need the real model: batching, shared prefixes, stops."""

from __future__ import annotations

from scripts.docker_engine import Engine
from scripts.shared.settings import Settings
from tests.image import stages


def test_service_tests_pass_on_the_real_model(settings: Settings, engine: Engine) -> None:
    """They run in a build stage, which is cached until service or model change."""
    done = stages.build("engine-check", settings, engine)
    assert done.code == 0, done.err[-6000:]
