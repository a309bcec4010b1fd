"""Resolves the settings of `deploy`; the only module of this room that sees `Settings`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from scripts.application import package_json
from scripts.backends.local import LocalChoice
from scripts.deploy.deployment import Deployment
from scripts.image import image_tags
from scripts.image.publish import target
from scripts.running.up_request import publishable, require_backend
from scripts.shared.errors import UsageError
from scripts.shared.settings import Loaded

KINDS = ("systemd", "quadlet", "compose", "swarm", "kubernetes")

#: Flags that say nothing about a kind, which has its own places or variables for that.
WITHOUT_EFFECT = {
    "kubernetes": ("host", "port", "data"),
    "swarm": ("backend", "variant", "name", "host", "port", "data", "registry"),
}

#: The data folder of a service of the machine, where none was named.
DATA = "/var/lib/mentator"


@dataclass(frozen=True)
class DeployRequest:
    """What was decided about one `deploy`.

    The hardware is looked at later: `deployment` gives what follows from the choice.
    """

    kind: str
    output: Path
    backend: str
    deployment: Callable[[LocalChoice], Deployment]


def resolve(loaded: Loaded, kind: str, output: Path) -> DeployRequest:
    """Decide what the settings ask for. Raises `UsageError`."""
    if kind not in KINDS:
        raise UsageError(f"deploy knows no {kind!r}.", next=f"Choose: {', '.join(KINDS)}.")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(
            f"{output} is not an empty folder.", next="Name another one with --output."
        )
    settings = loaded.settings
    for name in WITHOUT_EFFECT.get(kind, ()):
        if loaded.origin[name] == "flag":
            raise UsageError(f"--{name} has no effect on {kind}.", next="Leave it out.")
    if loaded.origin["variant"] != "default":
        require_backend(settings.variant, settings.backend)
    host = publishable(settings.host)
    named = loaded.origin["data"] != "default"
    data = PurePosixPath(settings.data_path() if named else DATA)
    version = package_json.read(settings.app).version

    def deployment(choice: LocalChoice) -> Deployment:
        any_variant = loaded.origin["variant"] == "default"
        variant = choice.variant if any_variant else settings.variant
        tag = image_tags.published(version, variant, "").fixed[0]
        return Deployment(
            target(f"{settings.image}:{tag}", settings.registry),
            choice.mode,
            settings.name,
            data,
            host,
            settings.port,
            "" if settings.backend == "auto" else settings.backend,
            loaded.container,
        )

    return DeployRequest(kind, output, settings.backend, deployment)
