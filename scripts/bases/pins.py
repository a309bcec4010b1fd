"""The base images, one row each: the official image with its digest, and its stand-in's parts.

The rows lie in `docker/bases/pins.json`, which `invoke pins.update` rewrites; digests are
not edited by hand. A row without stand-in can only come from a registry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY
from scripts.shared.task_command import task_command

PINS = REPOSITORY / "docker" / "bases" / "pins.json"


@dataclass(frozen=True)
class NpmPackage:
    """One package of the npm registry, pinned: `integrity` is its sha512 in SRI form."""

    name: str
    version: str
    integrity: str


@dataclass(frozen=True)
class BaseImage:
    """One base image.

    `digest` is the index's (all platforms); empty where no pin is known yet. `suite` is the
    Debian release of a stand-in made by mmdebstrap; `npm` are the packages laid over it.
    """

    name: str
    image: str
    digest: str
    suite: str = ""
    npm: tuple[NpmPackage, ...] = ()

    def sdk_context(self) -> str:
        """An SDK's build context: its Debian, where a suite is named, else the whole SDK."""
        return f"{self.name.removesuffix('-sdk')}-base" if self.suite else self.name

    def reference(self) -> str:
        """The pinned reference, `image@digest`. Raises `UsageError` where there is no digest."""
        if not self.digest:
            raise UsageError(
                f"Base image {self.name} ({self.image}) has no pinned digest.",
                next=f"Run `{task_command('pins.update')}` where the registry is in reach.",
            )
        return f"{self.image}@{self.digest}"


def read(path: Path = PINS) -> Mapping[str, BaseImage]:
    """All rows by name."""
    rows: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return {name: _row(name, row) for name, row in rows.items()}


def _row(name: str, row: Mapping[str, Any]) -> BaseImage:
    npm = tuple(
        NpmPackage(package, pin["version"], pin["integrity"])
        for package, pin in row.get("npm", {}).items()
    )
    return BaseImage(name, row["image"], row["digest"], row.get("suite", ""), npm)
