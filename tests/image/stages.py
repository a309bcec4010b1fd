"""Single stages of the Dockerfile, built as the pipeline builds them."""

from __future__ import annotations

from dataclasses import replace

from scripts import bases
from scripts.application.revision import Revision
from scripts.docker_engine import Engine
from scripts.image.build_request import resolve
from scripts.image.plan import BuildPlan, build_argv, check_stage, plan
from scripts.model.contexts import latest
from scripts.shared import commands
from scripts.shared.commands import Result
from scripts.shared.settings import Settings


def planned(settings: Settings, *, epoch: str = "1700000000") -> BuildPlan:
    """The plan of the universal image for a commit at `epoch` (seconds since 1970)."""
    request = resolve(replace(settings, variant="universal", app="", progress="plain"))
    request = replace(request, pipeline=Revision("0" * 40, epoch))
    request = replace(request, application=replace(request.application, revision=Revision()))
    made = bases.provide(request.bases, request.cache, yes=request.engine.yes)
    return plan(request, made, latest(request.contexts))


def build(stage: str, settings: Settings, engine: Engine, *, epoch: str = "1700000000") -> Result:
    """Build a stage of that image."""
    argv = build_argv(check_stage(planned(settings, epoch=epoch), stage))
    return commands.capture(engine.argv(*argv), timeout=1800)
