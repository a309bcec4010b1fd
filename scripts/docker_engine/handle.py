"""The engine as the rest of the pipeline holds it: an endpoint, its versions, and argv for it."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

#: The version of what was not asked.
UNKNOWN = Version("0")


@dataclass(frozen=True)
class Engine:
    """An engine that answers and reaches the floors.

    `host` is None where the client's own choice (DOCKER_HOST, its context) is used; `own` is true
    for the daemon that this project started.
    """

    host: str | None = None
    own: bool = False
    client: Version = UNKNOWN
    server: Version = UNKNOWN
    buildx: Version = UNKNOWN

    @classmethod
    def of_client(cls) -> Engine:
        """The client's own choice, unasked: for printing commands where no engine is needed."""
        return cls()

    def argv(self, *args: str) -> list[str]:
        """A docker command for this engine."""
        return ["docker", *([] if self.host is None else ["--host", self.host]), *args]
