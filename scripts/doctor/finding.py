"""What a check is given and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scripts import docker_engine
from scripts.docker_engine import Engine
from scripts.docker_engine.survey import Survey, look

State = Literal["pass", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One row: `pass`, `warn` (works, not at its best), `fail` (the pipeline cannot work)."""

    name: str
    state: State
    detail: str
    next: str = ""


@dataclass(frozen=True)
class Scene:
    """What all checks share: one look at the engines, the one that would be used, a setting.

    `engine` is None where none answers that is good enough.
    """

    survey: Survey
    engine: Engine | None = None
    ca_bundle: str = ""

    @classmethod
    def of(cls, folder: Path, ca_bundle: str) -> Scene:
        """Look once; `folder` is that of the project's own engine."""
        survey = look(folder)
        return cls(survey, docker_engine.usable(survey), ca_bundle)
