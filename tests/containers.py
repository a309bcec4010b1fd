"""Containers for tests: started from the tested image, on a free port, always removed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts.docker_engine import Engine
from scripts.running import container as run
from scripts.running import up
from scripts.shared import commands

#: The label of every container of a test: the process that removes it.
OWNER = "io.mentator.test"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Running:
    """A running container of a test."""

    engine: Engine
    container: run.Container

    @property
    def address(self) -> str:
        """The address of its service."""
        return f"http://{self.container.host}:{self.container.port}"

    @property
    def data(self) -> Path:
        """Its data folder on this machine."""
        return Path(self.container.volume)

    def log(self) -> str:
        """Standard output and standard error so far."""
        result = commands.capture(self.engine.argv("logs", self.container.name))
        return f"{result.out}\n{result.err}"

    def inspect(self) -> dict[str, Any]:
        """The result of `docker inspect`."""
        out = commands.check(self.engine.argv("inspect", self.container.name))
        found: dict[str, Any] = json.loads(out)[0]
        return found

    def run(self, *argv: str) -> str:
        """Run a command in the container; returns its output."""
        return commands.check(self.engine.argv("exec", self.container.name, *argv))

    def stop(self) -> int:
        """Stop it; returns its exit code."""
        commands.check(self.engine.argv("stop", self.container.name))
        code: int = self.inspect()["State"]["ExitCode"]
        return code

    def remove(self) -> None:
        """Remove it, running or not."""
        commands.capture(self.engine.argv("rm", "--force", "--volumes", self.container.name))


def describe(image: str, volume: str, *, flags: Sequence[str] = (), **more: Any) -> run.Container:
    """A container with a new name and a free port."""
    name = f"mentator-test-{uuid.uuid4().hex[:10]}"
    owned = ("--label", f"{OWNER}={os.getpid()}", *flags)
    return replace(run.Container(image, name, volume, port=free_port(), flags=owned), **more)


def remove_stale(engine: Engine) -> None:
    """Remove the containers of tests that were killed."""
    form = f'{{{{.ID}}}} {{{{.Label "{OWNER}"}}}}'
    listed = ["ps", "--all", "--filter", f"label={OWNER}", "--format", form]
    for container in stale(commands.check(engine.argv(*listed)).splitlines()):
        commands.capture(engine.argv("rm", "--force", "--volumes", container))


def stale(lines: Iterable[str], proc: Path = Path("/proc")) -> list[str]:
    """Of lines with a container and its owner, the containers whose owner does not run."""
    rows = (line.split() for line in lines)
    return [container for container, owner in rows if not (proc / owner).is_dir()]


@contextmanager
def healthy(engine: Engine, container: run.Container) -> Iterator[Running]:
    """Start a container, wait until it is healthy, remove it at the end."""
    running = Running(engine, container)
    try:
        up.start(engine, container)
        yield running
    finally:
        running.remove()


@dataclass(frozen=True)
class Ended:
    """The result of a container that has exited."""

    code: int
    log: str


def to_its_end(
    engine: Engine, image: str, *flags: str, command: Sequence[str] = (), timeout: float = 120
) -> Ended:
    """Run a container until it exits by itself (at most `timeout` seconds)."""
    owned = ["--label", f"{OWNER}={os.getpid()}", *flags]
    result = commands.capture(engine.argv("run", "--rm", *owned, image, *command), timeout=timeout)
    return Ended(result.code, f"{result.out}\n{result.err}")


@contextmanager
def folder(path: Path) -> Iterator[str]:
    """A data folder; it is deleted at the end, with all files of the container."""
    path.mkdir(parents=True)
    try:
        yield str(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)
