"""Single stages of the Dockerfile, built as the pipeline builds them."""

from __future__ import annotations

from dataclasses import replace

from scripts import application, ca_bundle, commands, variants
from scripts import build as build_step
from scripts.commands import Result
from scripts.engine import Engine
from scripts.plan import build_argv, check_stage, plan
from scripts.revision import Revision
from scripts.settings import Settings


def build(stage: str, settings: Settings, engine: Engine, *, epoch: str = "1700000000") -> Result:
    """Build a stage of the universal image at a commit of that time (seconds since the epoch)."""
    chosen = plan(
        settings,
        application.read(""),
        variants.find("universal"),
        build_step.provide_bases(replace(settings, variant="universal")),
        build_step.MODEL_CONTEXT,
        Revision("0" * 40, epoch),
        ca_bundle.find(settings.ca_bundle),
    )
    argv = build_argv(replace(check_stage(chosen, stage), progress="plain"))
    return commands.capture(engine.argv(*argv), timeout=1800)
