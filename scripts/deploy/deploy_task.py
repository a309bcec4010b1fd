"""The task `deploy`, declared with the choices of the table of backends."""

from __future__ import annotations

from collections.abc import Callable

from invoke.tasks import Task

from scripts.shared.edge import task
from scripts.shared.paths import expand
from scripts.shared.settings import Choices, Loaded

#: The settings that it has flags for.
SETTINGS = ("backend", "variant", "name", "host", "port", "data", "registry")


def declare(choices: Choices) -> Task[Callable[..., None]]:
    """The task, for the collection in `tasks.py`."""

    @task(
        *SETTINGS,
        choices=choices,
        kind="systemd, quadlet, compose, swarm or kubernetes",
        output="the folder to write, new or empty",
        variant="which image (default: that of the hardware)",
        data="the container's data folder on this machine (default: /var/lib/mentator)",
        registry="the registry to pull from",
    )
    def deploy(loaded: Loaded, kind: str, output: str) -> None:
        """Write files with which systemd, Podman, Compose or a cluster runs the image."""
        from scripts.deploy import deploy_request, write_files

        request = deploy_request.resolve(loaded, kind, expand(output).resolve())
        write_files.deploy(request)

    return deploy
