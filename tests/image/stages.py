"""Single stages of the Dockerfile, built as the pipeline builds them."""

from __future__ import annotations

from dataclasses import replace

from scripts.application import package as application
from scripts.application.revision import Revision
from scripts.docker_engine import Engine
from scripts.image import build as build_step
from scripts.image.plan import build_argv, check_stage
from scripts.shared import commands
from scripts.shared.commands import Result
from scripts.shared.settings import Settings


def build(stage: str, settings: Settings, engine: Engine, *, epoch: str = "1700000000") -> Result:
    """Build a stage of the universal image for a commit at `epoch` (seconds since 1970)."""
    universal = replace(settings, variant="universal")
    bases = build_step.provide_bases(universal)
    chosen = build_step.plan_of(universal, application.read(""), bases, Revision("0" * 40, epoch))
    argv = build_argv(replace(check_stage(chosen, stage), progress="plain"))
    return commands.capture(engine.argv(*argv), timeout=1800)
