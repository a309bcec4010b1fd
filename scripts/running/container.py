"""Decides how a container is started: `docker run` argv for an image, a data folder and a port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scripts.backends.table import Mode
from scripts.shared.addresses import bracketed
from scripts.shared.csv_options import csv_field

#: The port inside the container (the service's contract).
PORT = 19777

#: The volume inside the container.
DATA = "/opt/mentator-llm-service/data"


@dataclass(frozen=True)
class Container:
    """One container to start; `volume` is a host folder or a volume's name.

    `mode` is the row of the table of backends whose hardware it is given; None gives it none.
    """

    image: str
    name: str
    volume: str
    host: str = "127.0.0.1"
    port: int = PORT
    mode: Mode | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Variables whose values are not for the command line, which every user of the machine can see.
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    flags: Sequence[str] = ()
    command: Sequence[str] = ()


def run_argv(container: Container) -> list[str]:
    """The arguments after `docker`, which is to be run with `secrets` in its environment."""
    argv = ["run", "--detach", "--name", container.name]
    argv += ["--publish", f"{bracketed(container.host)}:{container.port}:{PORT}"]
    argv += _volume(container.volume)
    for name, value in container.labels.items():
        argv += ["--label", f"{name}={value}"]
    argv += container.mode.container.run if container.mode else ()
    for name, value in container.environment.items():
        argv += ["--env", f"{name}={value}"]
    for name in container.secrets:
        argv += ["--env", name]
    return [*argv, *container.flags, container.image, *container.command]


def _volume(name: str) -> list[str]:
    """`--volume` makes a folder that is not there; a colon in its name would end it too early."""
    if ":" not in name:
        return ["--volume", f"{name}:{DATA}"]
    return ["--mount", ",".join(("type=bind", csv_field(f"source={name}"), f"target={DATA}"))]
