"""What is measured: an engine, the image built with it, and the settings of the build."""

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
        """The digest of the image that is measured."""
        digest: str = self.record["digest"]
        return digest
