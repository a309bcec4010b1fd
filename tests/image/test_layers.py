"""What a commit makes BuildKit do again: only what has changed."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from scripts import application, ca_bundle, commands, variants
from scripts import build as build_step
from scripts.engine import Engine
from scripts.plan import build_argv, plan
from scripts.revision import Revision
from scripts.settings import Settings

#: Stages that install or compile, and take minutes.
EXPENSIVE = ("dependencies", "llama-source", "cuda12-backend", "rocm-support")


def run_steps(stage: str, epoch: str, settings: Settings, engine: Engine) -> dict[str, bool]:
    """Build one stage at a commit of that time; by RUN step, whether the cache had it."""
    chosen = plan(
        settings,
        application.read(""),
        variants.find("universal"),
        build_step.provide_bases(replace(settings, variant="universal")),
        build_step.MODEL_CONTEXT,
        Revision("0" * 40, epoch),
        ca_bundle.find(settings.ca_bundle),
    )
    only = replace(
        chosen, target=stage, tags=(), labels={}, output="type=cacheonly", progress="plain"
    )
    done = commands.capture(engine.argv(*build_argv(only)), timeout=900)
    assert done.code == 0, done.err[-3000:]
    names = dict(re.findall(r"^#(\d+) (\[[\w -]+/\d+\] RUN .*)$", done.err, re.MULTILINE))
    cached = set(re.findall(r"^#(\d+) CACHED$", done.err, re.MULTILINE))
    return {name: number in cached for number, name in names.items()}


@pytest.mark.parametrize("stage", EXPENSIVE)
def test_a_new_commit_installs_nothing_anew(stage: str, settings: Settings, engine: Engine) -> None:
    first = run_steps(stage, "1700000000", settings, engine)
    assert first, "no RUN step was seen"
    second = run_steps(stage, "1800000000", settings, engine)
    assert second == dict.fromkeys(first, True)
