"""The engine as the rest of the pipeline holds it: an endpoint, its version, and argv for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version


@dataclass(frozen=True)
class Engine:
    """An engine that answers and reaches the floors.

    `host` is None where the client's own choice (DOCKER_HOST, its context) is used; `own` is true
    for the daemon that this project started.
    """

    host: str | None = None
    own: bool = False
    server: Version | None = None

    @classmethod
    def of_client(cls) -> Engine:
        """The client's own choice, not asked: for printing commands where no engine is needed."""
        return cls()

    def argv(self, *args: str) -> list[str]:
        """A docker command for this engine."""
        return ["docker", *([] if self.host is None else ["--host", self.host]), *args]


@dataclass(frozen=True)
class EngineOptions:
    """How an engine is searched: `folder` is that of the project's own engine.

    With `yes` what is missing is installed without a question. `found` is one that answered a
    moment ago and can be used: it is not searched again.
    """

    folder: Path
    yes: bool = False
    found: Engine | None = None
