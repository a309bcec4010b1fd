"""The layer cache: a new commit does not repeat steps whose input has not changed."""

from __future__ import annotations

import re

import pytest

from scripts.docker_engine import Engine
from scripts.shared.settings import Settings
from tests.image import stages

#: Stages that install or compile for minutes.
EXPENSIVE = ("dependencies", "llama-source", "cuda12-backend", "rocm-support")


def run_steps(stage: str, epoch: str, settings: Settings, engine: Engine) -> dict[str, bool]:
    """Build one stage for a commit at `epoch`. Returns for each RUN step whether it was cached."""
    done = stages.build(stage, settings, engine, epoch=epoch)
    assert done.code == 0, done.err[-3000:]
    names = dict(re.findall(r"^#(\d+) (\[[\w -]+/\d+\] RUN .*)$", done.err, re.MULTILINE))
    cached = set(re.findall(r"^#(\d+) CACHED$", done.err, re.MULTILINE))
    return {name: number in cached for number, name in names.items()}


@pytest.mark.parametrize("stage", EXPENSIVE)
def test_stage_comes_from_the_cache_after_a_new_commit(
    stage: str, settings: Settings, engine: Engine
) -> None:
    first = run_steps(stage, "1700000000", settings, engine)
    assert first, "the build has no RUN step"
    second = run_steps(stage, "1800000000", settings, engine)
    assert second == dict.fromkeys(first, True)
