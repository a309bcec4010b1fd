"""A request for a build, as `resolve` of `scripts.image.build_request` would give it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from scripts.application.package_json import Application
from scripts.application.revision import Revision
from scripts.backends.compiled import Backends
from scripts.backends.variants import Variant
from scripts.bases import Choice
from scripts.bases.pins import BaseImage
from scripts.docker_engine import EngineOptions
from scripts.image.build_request import BuildRequest, BuildxOptions

APPLICATION = Application(
    Path("/app"), "app", "1.2.3", "MIT", revision=Revision("c0ffee", "1600000000", "git@host:app")
)

REQUEST = BuildRequest(
    variant=Variant("cpu", backends=("cpu",)),
    backends=Backends(),
    application=APPLICATION,
    pipeline=Revision("beef", "1700000000"),
    bases=Choice(
        "registry",
        "as asked",
        BaseImage("debian", "debian", "sha256:d"),
        BaseImage("node24", "node", "sha256:n"),
    ),
    node="24",
    model="",
    image="me/app",
    buildx=BuildxOptions(),
    engine=EngineOptions(Path("/engine")),
    cache=Path("/cache"),
    ca_bundle=None,
    contexts=Path("/contexts"),
)


def request(**changes: Any) -> BuildRequest:
    """The request with other values."""
    return replace(REQUEST, **changes)
