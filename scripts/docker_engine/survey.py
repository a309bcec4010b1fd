"""What is there: one look at endpoints, programs, services and rights, as values to decide from."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from scripts.docker_engine import client, packages, service, versions
from scripts.docker_engine.client import Answer, Chosen
from scripts.docker_engine.folder import INSTALLING, host


@dataclass(frozen=True)
class Survey:
    """A machine, as far as the choice of an engine goes.

    `folder` is that of the project's engine. `chosen` is what the user chose, `default` the answer
    of the client's own endpoint (the chosen one, if any), `own` that of the project's engine.
    `dockerd` is the installed daemon's version. `service` says how an installed engine is started
    here ("" where nothing does), `manager` which package manager could install one, `own_made` that
    the project's engine has run before, and `half_installed` that an installation by this project
    was interrupted. `dockerd` and `service` may be left out where an engine answers. `variables`
    are those of the docker client that are set.
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
    variables: tuple[str, ...] = ()


def look(folder: Path, *, thorough: bool = True, remember: bool = False) -> Survey:
    """Look around; `folder` is the project's engine's. Starts and changes nothing.

    Without `thorough` what is installed is not asked where an engine answers that can be used;
    with `remember` the next look may use a note of this one.
    """
    # Each question is a process of its own, most of which only waits: asked all at once.
    with ThreadPoolExecutor() as pool:
        chosen = pool.submit(client.user_choice)
        default = pool.submit(client.ask)
        own = pool.submit(_ask_own, folder)
        buildx = pool.submit(client.buildx_version, remember=remember)
    answers = (default.result(), own.result())
    more = thorough or not any(
        answer.state == "answers" and not versions.shortfall(answer.server, buildx.result())
        for answer in answers
    )
    version = default.result().client
    silent = Answer("silent", detail="The docker client is not installed.")
    return Survey(
        folder=folder,
        chosen=chosen.result(),
        default=default.result() if version or default.result().state == "refused" else silent,
        own=own.result(),
        client=version,
        buildx=buildx.result(),
        dockerd=client.daemon_version() if more else None,
        root=os.geteuid() == 0,
        service=service.detect() if more else "",
        manager=packages.manager(shutil.which),
        own_made=_visible(folder / "data"),
        half_installed=_visible(folder / INSTALLING),
        variables=client.variables(),
    )


def _ask_own(folder: Path) -> Answer:
    return client.ask(host(folder)) if _visible(folder / "docker.sock") else Answer("silent")


def _visible(path: Path) -> bool:
    """Whether it is there for this user; what lies in another's closed folder is not."""
    try:
        return path.exists()
    except PermissionError:
        return False
