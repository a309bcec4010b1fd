"""Whose container is it: those that `up` starts carry a label with this checkout's identity."""

from __future__ import annotations

import platform

from scripts.docker_engine import Engine
from scripts.shared import commands
from scripts.shared.errors import HeldElsewhere
from scripts.shared.paths import REPOSITORY
from scripts.shared.task_command import task_command

LABEL = "io.mentator.checkout"


def identity() -> str:
    """The checkout: machine and path. Engines are shared, and paths repeat on other machines."""
    return f"{platform.node()}:{REPOSITORY}"


def find(docker: Engine, name: str) -> str | None:
    """The identity in the label of the container `name`: empty without one; None: no container."""
    shown = f'{{{{index .Config.Labels "{LABEL}"}}}}'
    result = commands.capture(docker.argv("container", "inspect", "--format", shown, name))
    return result.out.strip() if result.code == 0 else None


def require_own(docker: Engine, name: str, *, force: bool = False) -> None:
    """Raise `HeldElsewhere` where there is a container `name` that this checkout did not start."""
    owner = find(docker, name)
    if not force and owner is not None and owner != identity():
        raise refusal(name, owner)


def refusal(name: str, owner: str) -> HeldElsewhere:
    """What is said about a container of somebody else."""
    return HeldElsewhere(
        f"The container {name} was not started by this checkout.",
        why=f"Its label says {owner}." if owner else f"It has no label {LABEL}.",
        next=f"Take another name (--name, or MENTATOR_NAME), or, if it is yours: "
        f"`{task_command(f'down --name {name} --force')}` removes it.",
    )
