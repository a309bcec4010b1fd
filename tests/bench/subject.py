"""What is measured: an engine, the image built on it, and the settings it was built with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scripts.docker_engine import Engine
from scripts.shared.settings import Settings


@dataclass(frozen=True)
class Subject:
    """`record` is `build/image.json`."""

    docker: Engine
    settings: Settings
    record: dict[str, Any]

    @property
    def digest(self) -> str:
        """The image under measurement."""
        digest: str = self.record["digest"]
        return digest
