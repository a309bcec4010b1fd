"""Installs what is missing, with the distribution's own package manager, as root."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from scripts.docker_engine import apt, packages, service
from scripts.shared import commands
from scripts.shared import disk_space as space
from scripts.shared.console import say
from scripts.shared.errors import CommandFailed, EngineMissing


def install(what: str, manager: str) -> None:
    """Install `what`: `engine` (client, daemon, buildx) or `plugin` (buildx alone).

    The services that the packages bring are neither started nor left enabled: the project runs
    its own daemon, on its own socket.
    """
    space.require(Path("/var/cache"), packages.ROOM, "The engine's packages")
    fresh = what == "engine" and shutil.which("dockerd") is None
    with _hold_services() if fresh and service.systemd_runs() else nullcontext():
        if manager == "apt":
            apt.install(what)
        elif commands.run(packages.install_argv(manager, what)) != 0:
            raise CommandFailed(
                f"`{packages.MANAGERS[manager].program}` could not install the engine.",
                why="Its own output above says why.",
                next="Install Docker Engine and buildx by hand, then run the same command again.",
            )
    if what == "engine" and shutil.which("dockerd") is None:
        raise EngineMissing("The packages are installed, and there is no `dockerd` on PATH.")
    say(f"installed: {'Docker Engine and buildx' if what == 'engine' else 'buildx'}")


@contextmanager
def _hold_services() -> Iterator[None]:
    """Mask the packages' units until the next boot at most, so that none is started."""
    for argv in service.HOLD:
        commands.capture(argv)
    try:
        yield
    finally:
        for argv in service.RELEASE:
            commands.capture(argv)
