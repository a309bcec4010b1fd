"""What is there: one look at endpoints, programs, services and rights, as values to decide from."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from scripts.engine import client, packages, service
from scripts.engine.client import Answer, Chosen
from scripts.engine.folder import INSTALLING, host


@dataclass(frozen=True)
class Survey:
    """A machine, as far as the choice of an engine goes.

    `folder` is that of the project's engine. `chosen` is what the user chose, `default` the answer
    of the client's own endpoint (the chosen one, if any), `own` that of the project's engine.
    `dockerd` is the installed daemon's version. `service` says how an installed engine is started
    here ("" where nobody does), `manager` which package manager could install one, `own_made` that
    the project's engine has run before, and `half_installed` that an installation by this project
    was cut off.
    """

    folder: Path
    chosen: Chosen | None
    default: Answer
    own: Answer
    client: Version | None
    buildx: Version | None
    dockerd: Version | None
    root: bool
    service: str
    manager: str
    own_made: bool
    half_installed: bool


def look(folder: Path) -> Survey:
    """Look around; `folder` is the project's engine's. Starts and changes nothing."""
    version = client.client_version()
    there = version is not None
    silent = Answer("silent", detail="The docker client is not installed.")
    socket = folder / "docker.sock"
    return Survey(
        folder=folder,
        chosen=client.chosen(),
        default=client.ask() if there else silent,
        own=client.ask(host(folder)) if there and _visible(socket) else Answer("silent"),
        client=version,
        buildx=client.buildx_version() if there else None,
        dockerd=client.daemon_version(),
        root=os.geteuid() == 0,
        service=service.detect(),
        manager=packages.manager(shutil.which),
        own_made=_visible(folder / "data"),
        half_installed=_visible(folder / INSTALLING),
    )


def _visible(path: Path) -> bool:
    """Whether it is there for this user; what lies in another's closed folder is not."""
    try:
        return path.exists()
    except PermissionError:
        return False
