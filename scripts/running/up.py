"""Runs the image: container up until healthy, its log, and down again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from scripts import docker_engine as engine
from scripts.backends import local, variants
from scripts.backends import table as backends
from scripts.backends.local import LocalChoice
from scripts.backends.table import AUTO, Table
from scripts.docker_engine import Engine
from scripts.host import hardware
from scripts.image import build as build_step
from scripts.image import record as records
from scripts.running import ask
from scripts.running.container import Container, run_argv
from scripts.shared import commands
from scripts.shared.console import say, wait_until, warn
from scripts.shared.errors import ContainerFailed, ImageMissing
from scripts.shared.settings import Settings

#: Seconds for a container to become healthy: start period and all retries of its own check.
HEALTHY_WITHIN = 180.0

#: The first prompt of `up`.
GREETING = "What is the capital of France? Answer in one short sentence."


def up(settings: Settings, *, rebuild: bool = False, any_variant: bool = True) -> None:
    """Build the image where there is none, start it, wait until it is healthy, ask it once.

    `any_variant`: nobody named one, so what is built is the variant of this machine's hardware.
    """
    docker = engine.ensure(settings)
    table = backends.read()
    found = hardware.find(table, docker)
    for each in found:
        if each.state == "broken":
            warn(f"{each.mode.title} cannot be used: {each.said}. {each.next}")
    choice = local.choose(table, hardware.present(found), settings.backend)
    digest = None if rebuild else _built(docker, table, settings.backend)
    if digest is None:
        if any_variant:
            say(
                f"building the variant {choice.variant} for this machine: {choice.reason} "
                "(--variant universal builds for every hardware)"
            )
            settings = build_settings(choice, settings)
        digest = str(build_step.build(settings)["digest"])
    data = settings.data_path()
    data.mkdir(parents=True, exist_ok=True)
    _remove(docker, settings.name)
    start(docker, container_for(choice, settings, digest, data))
    address = f"http://{settings.host}:{settings.port}"
    say(f"healthy: {address} (data in {data})")
    say(f"> {GREETING}")
    ask.ask(settings, GREETING)


def build_settings(choice: LocalChoice, settings: Settings) -> Settings:
    """The settings with the machine's variant and targets; targets that somebody named stay."""
    default = Settings()
    options: dict[str, Any] = {
        name: targets
        for name, targets in choice.options.items()
        if getattr(settings, name) == getattr(default, name)
    }
    return dataclasses.replace(settings, variant=choice.variant, **options)


def container_for(choice: LocalChoice, settings: Settings, digest: str, data: Path) -> Container:
    """The container: its hardware, and the demand for a backend where there is one."""
    demand = {"MENTATOR_BACKEND": settings.backend} if settings.backend != AUTO else {}
    return Container(
        digest,
        settings.name,
        str(data),
        settings.host,
        settings.port,
        mode=choice.mode,
        environment=demand,
    )


def start(docker: Engine, container: Container) -> None:
    """Start a container and wait for its own healthcheck.

    Raises `ContainerFailed` with the end of its log when it ends or stays unhealthy; it is left
    there for a look.
    """
    result = commands.capture(docker.argv(*run_argv(container)))
    if result.code != 0:
        taken = "port is already allocated" in result.err or "address already in use" in result.err
        raise ContainerFailed(
            f"The container {container.name} did not start.",
            why=result.err.splitlines()[-1] if taken else result.err,
            next="Choose another port with --port." if taken else "`invoke doctor` may tell more.",
        )
    what = f"waiting for the container {container.name} to become healthy"
    if not wait_until(what, lambda: healthy(docker, container.name), timeout=HEALTHY_WITHIN):
        raise _failed(docker, container.name, f"did not become healthy in {HEALTHY_WITHIN:.0f} s")


def healthy(docker: Engine, name: str) -> bool:
    """Whether the container's own check passes. Raises `ContainerFailed` where it has ended."""
    state = json.loads(commands.check(docker.argv("inspect", "--format", "{{json .State}}", name)))
    if not state["Running"]:
        raise _failed(docker, name, f"ended with exit code {state['ExitCode']}")
    status: str = state.get("Health", {}).get("Status", "healthy")
    if status == "unhealthy":
        raise _failed(docker, name, "is unhealthy by its own check")
    return status == "healthy"


def down(settings: Settings) -> None:
    """Stop and remove the container; the data folder stays."""
    docker = engine.ensure(settings)
    say("stopped" if _remove(docker, settings.name) else f"no container {settings.name}")


def logs(settings: Settings, *, follow: bool = False) -> None:
    """Print the container's log."""
    docker = engine.ensure(settings)
    follows = ["--follow"] if follow else []
    code = commands.run(docker.argv("logs", *follows, settings.name), quiet=True)
    if code != 0:
        raise ContainerFailed(f"There is no container {settings.name}.", next="Run `invoke up`.")


def _built(docker: Engine, table: Table, demand: str) -> str | None:
    """The digest of the image that was built last, where the engine still has it.

    None for one that does not hold the backend that was asked for.
    """
    try:
        record = records.image()
    except ImageMissing:
        return None
    if demand != AUTO and demand not in variants.find(record["variant"], table).backends:
        return None
    digest: str = record["digest"]
    there = commands.capture(docker.argv("image", "inspect", digest)).code == 0
    return digest if there else None


def _remove(docker: Engine, name: str) -> bool:
    """Stop a container within its own time limit, remove it; whether there was one."""
    if commands.capture(docker.argv("container", "inspect", name)).code != 0:
        return False
    commands.capture(docker.argv("stop", name))
    commands.check(docker.argv("rm", "--force", "--volumes", name))
    return True


def _failed(docker: Engine, name: str, how: str) -> ContainerFailed:
    log = commands.capture(docker.argv("logs", "--tail", "15", name))
    tail = "\n".join(line for line in (log.out, log.err) if line)
    return ContainerFailed(
        f"The container {name} {how}.",
        why="The end of its log:\n" + tail,
        next=f"`{' '.join(docker.argv('logs', name))}` shows all of it.",
    )
