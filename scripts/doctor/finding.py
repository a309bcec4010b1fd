"""What a check is given and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scripts.docker_engine.survey import Survey, look
from scripts.shared.settings import Settings

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
    """What all checks share: the settings, and one look at the engines."""

    settings: Settings
    survey: Survey

    @classmethod
    def of(cls, settings: Settings) -> Scene:
        """Look once."""
        return cls(settings, look(settings.engine_path()))
