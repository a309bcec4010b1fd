"""Resolves the settings of `up` into one value: where the container runs, and what is built for it.

The only module of this room that sees `Settings`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.backends import variants
from scripts.backends.local import LocalChoice
from scripts.backends.table import AUTO
from scripts.docker_engine import EngineOptions
from scripts.image import build_request
from scripts.image.build_request import BuildRequest
from scripts.running import ownership
from scripts.running.container import Container
from scripts.shared.addresses import is_address
from scripts.shared.errors import UsageError
from scripts.shared.settings import Loaded, Settings


@dataclass(frozen=True)
class UpRequest:
    """What was decided about one `up`.

    The hardware is looked at later, with an engine: `build` gives the request of the image for the
    choice that follows from it, `container` the container of an image's digest. `variant` and
    `model` are those that were named, or empty. `backend` is the demand, `host` and `port` are
    published, `address` is where the service will answer, `api_key` the one that was given for it.
    """

    engine: EngineOptions
    backend: str
    variant: str
    model: str
    data: Path
    host: str
    port: int
    address: str
    name: str
    api_key: str = field(repr=False)
    build: Callable[[LocalChoice], BuildRequest]
    container: Callable[[LocalChoice, str], Container]


def resolve(loaded: Loaded) -> UpRequest:
    """Decide what the settings ask for, as far as it does not depend on the hardware.

    Raises `UsageError` where the data folder is not one, the host is not an address, or the
    variant that was named does not hold the backend that was asked for.
    """
    settings = dataclasses.replace(loaded.settings, host=publishable(loaded.settings.host))
    data = settings.data_path()
    if data.exists() and not data.is_dir():
        raise UsageError(f"data = {data} is not a folder.", next="Name a folder, new or not.")
    any_variant = loaded.origin["variant"] == "default"
    if not any_variant:
        require_backend(settings.variant, settings.backend)

    def build(choice: LocalChoice) -> BuildRequest:
        chosen = build_settings(choice, settings) if any_variant else settings
        return build_request.resolve(chosen)

    def container(choice: LocalChoice, digest: str) -> Container:
        return container_for(choice, settings, digest, data, loaded.container)

    return UpRequest(
        engine=EngineOptions(settings.engine_path(), settings.yes),
        backend=settings.backend,
        variant="" if any_variant else settings.variant,
        model=settings.model,
        data=data,
        host=settings.host,
        port=settings.port,
        address=settings.address(),
        name=settings.name,
        api_key=loaded.container.get("MENTATOR_API_KEY", ""),
        build=build,
        container=container,
    )


def publishable(host: str) -> str:
    """The address to publish on: Docker takes no name. Raises `UsageError`."""
    if host == "localhost":
        return "127.0.0.1"
    if not is_address(host):
        raise UsageError(
            f"host = {host!r} is a name, and a port is published on an address.",
            next="127.0.0.1 is this machine alone, 0.0.0.0 is all of its addresses.",
        )
    return host


def require_backend(variant: str, backend: str) -> None:
    """Raise `UsageError` where an image of the variant cannot run on the backend."""
    holds = variants.find(variant).backends
    if backend not in (AUTO, *holds):
        raise UsageError(
            f"The variant {variant} has no backend {backend}.",
            why=f"It holds {' and '.join(holds)}.",
            next=f"Leave one of both out, or take --variant {backend}.",
        )


def build_settings(choice: LocalChoice, settings: Settings) -> Settings:
    """The settings with the machine's variant and targets; named targets stay."""
    default = Settings()
    options: dict[str, Any] = {
        name: targets
        for name, targets in choice.options.items()
        if getattr(settings, name) == getattr(default, name)
    }
    return dataclasses.replace(settings, variant=choice.variant, **options)


def container_for(
    choice: LocalChoice,
    settings: Settings,
    digest: str,
    data: Path,
    passed: Mapping[str, str] | None = None,
) -> Container:
    """The container: its hardware, the demand for a backend where there is one, and `passed`,
    variables of this user for it.
    """
    demand = {"MENTATOR_BACKEND": settings.backend} if settings.backend != AUTO else {}
    return Container(
        digest,
        settings.name,
        str(data),
        settings.host,
        settings.port,
        mode=choice.mode,
        labels={ownership.LABEL: ownership.identity()},
        environment=demand,
        secrets=passed or {},
    )
