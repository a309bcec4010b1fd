"""Runs the image: container up until healthy, its log, and down again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from scripts import docker_engine as engine
from scripts.backends import local, variants
from scripts.backends import table as backends
from scripts.backends.table import AUTO, Mode, Table
from scripts.docker_engine import Engine, EngineOptions
from scripts.host import hardware
from scripts.image import build as build_step
from scripts.image import record as records
from scripts.running import api_key, ask, ownership, ports
from scripts.running.container import Container, run_argv
from scripts.running.up_request import UpRequest
from scripts.shared import commands
from scripts.shared.console import say, wait_until, warn
from scripts.shared.errors import ContainerFailed, ImageMissing
from scripts.shared.file_lock import hold_lock
from scripts.shared.paths import cache_home
from scripts.shared.task_command import task_command

#: Seconds for a container to become healthy: start period and all retries of its own check.
HEALTHY_WITHIN = 180.0

#: The first prompt of `up`.
GREETING = "What is the capital of France? Answer in one short sentence."


def up(request: UpRequest, *, rebuild: bool = False) -> None:
    """Build the image where there is none, start it, wait until it is healthy, ask it once.

    Where no variant was named, the variant of this machine's hardware is built.
    """
    docker = engine.ensure(request.engine)
    ownership.require_own(docker, request.name)
    ports.require_free(docker, request.name, request.host, request.port)
    table = backends.read()
    found = hardware.find(table, docker)
    for each in found:
        if each.state == "broken":
            warn(f"{each.mode.title} cannot be used: {each.said}. {each.next}")
    choice = local.choose(table, hardware.present(found), request.backend)
    digest = None if rebuild else _built(docker, table, request, choice.mode)
    if digest is None:
        if not request.variant:
            say(
                f"building the variant {choice.variant} for this machine: {choice.reason} "
                "(--variant universal builds for every hardware)"
            )
        digest = str(build_step.build(request.build(choice))["digest"])
    request.data.mkdir(parents=True, exist_ok=True)
    container = request.container(choice, digest)
    # Two at once would remove each other's container, or fail for its name.
    lock = cache_home() / f"up-{container.name}.lock"
    with hold_lock(lock, f"which starts the container {container.name}"):
        _remove(docker, container.name)
        try:
            start(docker, container)
            say(f"healthy: {request.address} (data in {request.data})")
            say(f"> {GREETING}")
            # Read now: a first start writes the configuration.
            ask.ask(request.address, GREETING, key=api_key.find(request.api_key, request.data))
        except KeyboardInterrupt:
            # Whoever cancels it, such as CI, does not expect that half of it stays.
            say(f"interrupted: the container {container.name} is removed, its data stay")
            _remove(docker, container.name)
            raise


def start(docker: Engine, container: Container) -> None:
    """Start a container and wait for its own healthcheck.

    Raises `ContainerFailed` with the end of its log when it ends or stays unhealthy; it is kept,
    so that it can be examined.
    """
    result = commands.capture(docker.argv(*run_argv(container)), env=container.secrets)
    if result.code != 0:
        taken = "port is already allocated" in result.err or "address already in use" in result.err
        raise ContainerFailed(
            f"The container {container.name} did not start.",
            why=result.err.splitlines()[-1] if taken else result.err,
            next="Choose another port with --port."
            if taken
            else f"`{task_command('doctor')}` may say more.",
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


def down(options: EngineOptions, name: str, *, force: bool = False) -> None:
    """Stop and remove the container; the data folder stays.

    Raises `HeldElsewhere` for one that this checkout did not start, unless `force`.
    """
    docker = engine.ensure(options)
    ownership.require_own(docker, name, force=force)
    say("stopped" if _remove(docker, name) else f"no container {name}")


def logs(options: EngineOptions, name: str, *, follow: bool = False, force: bool = False) -> None:
    """Print the container's log; `HeldElsewhere` as `down`."""
    docker = engine.ensure(options)
    ownership.require_own(docker, name, force=force)
    follows = ["--follow"] if follow else []
    code = commands.run(docker.argv("logs", *follows, name), quiet=True)
    if code != 0:
        raise ContainerFailed(
            f"Container {name} does not exist.", next=f"Run `{task_command('up')}`."
        )


def _built(docker: Engine, table: Table, request: UpRequest, mode: Mode) -> str | None:
    """The digest of the image that was built last, where the engine still has it.

    None for one that is not what was asked for. One that cannot use the machine's hardware is
    taken with a warning: to build another takes long, and nobody asked for it.
    """
    try:
        record = records.image()
    except ImageMissing:
        return None
    if why := other_than_asked(record, table, request):
        say(f"the image that was built last is not used: {why}")
        return None
    if mode.name not in variants.find(record["variant"], table).backends:
        warn(
            f"the image that was built last is the variant {record['variant']}, which cannot use "
            f"{mode.title}: `{task_command('up --rebuild')}` builds one that can"
        )
    digest: str = record["digest"]
    there = commands.capture(docker.argv("image", "inspect", digest)).code == 0
    return digest if there else None


def other_than_asked(record: Mapping[str, Any], table: Table, request: UpRequest) -> str:
    """Why the image of a record is not the one that was asked for; empty where it is."""
    variant = record["variant"]
    if request.variant not in ("", variant):
        return f"it is the variant {variant}"
    if request.backend not in (AUTO, *variants.find(variant, table).backends):
        return f"the variant {variant} has no backend {request.backend}"
    model = record.get("model", {})
    if request.model not in ("", model.get("setting"), model.get("name")):
        return f"it holds the model {model.get('name')}"
    return ""


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
