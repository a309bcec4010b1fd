"""Decides how a container is started: `docker run` argv for an image, a data folder and a port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: The port inside the container (the service's contract).
PORT = 19777

#: The volume inside the container.
DATA = "/opt/mentator-llm-service/data"

#: Flags that hand each kind of hardware to a container, as their vendors document them. On AMD
#: the groups of the device nodes are joined inside, by number: no --group-add is needed.
HARDWARE: Mapping[str, tuple[str, ...]] = {
    "nvidia": ("--gpus", "all"),
    "amd": ("--device", "/dev/kfd", "--device", "/dev/dri"),
    "cpu": (),
}


@dataclass(frozen=True)
class Container:
    """One container to start; `volume` is a host folder or a volume's name."""

    image: str
    name: str
    volume: str
    host: str = "127.0.0.1"
    port: int = PORT
    hardware: str = "cpu"
    environment: Mapping[str, str] = field(default_factory=dict)
    flags: Sequence[str] = ()
    command: Sequence[str] = ()


def run_argv(container: Container) -> list[str]:
    """The arguments after `docker`."""
    argv = ["run", "--detach", "--name", container.name]
    argv += ["--publish", f"{container.host}:{container.port}:{PORT}"]
    argv += ["--volume", f"{container.volume}:{DATA}"]
    argv += HARDWARE[container.hardware]
    for name, value in container.environment.items():
        argv += ["--env", f"{name}={value}"]
    return [*argv, *container.flags, container.image, *container.command]


def hardware(nvidia: bool, amd: bool) -> str:
    """The row of `HARDWARE` for what the host has, in the order of the entrypoint's choice."""
    return "nvidia" if nvidia else "amd" if amd else "cpu"
