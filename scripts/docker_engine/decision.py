"""Decides what to do next for an engine: a pure function of what a survey found."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from scripts.docker_engine import packages, service, versions
from scripts.docker_engine.client import Answer
from scripts.docker_engine.survey import Survey
from scripts.shared.errors import EngineDenied, EngineMissing, EngineTooOld, EngineUnreachable
from scripts.shared.task_command import LAUNCHER

#: The task that starts or installs an engine.
START = "engine.start --yes"


@dataclass(frozen=True)
class Use:
    """Use what answers: the project's own engine, or the client's endpoint."""

    own: bool


@dataclass(frozen=True)
class StartService:
    """Start the installed engine by its service; `way` is a key of `service.START`."""

    way: str


@dataclass(frozen=True)
class StartOwn:
    """Start the project's own daemon by hand."""


@dataclass(frozen=True)
class Install:
    """Install `what`, `engine` or `plugin`, with `manager`; needs a consent."""

    what: str
    manager: str


Step = Use | StartService | StartOwn | Install


def decide(seen: Survey) -> Step:
    """The next step towards an engine.

    Order: what the user chose, as it is; the default endpoint; the project's own engine; start
    what is installed; install. Raises an `Engine*` error where no step is left, or none allowed.
    """
    for answer in (seen.default, seen.own):
        if answer.state == "refused":
            raise _refused_error(seen, answer)
    if seen.client is not None:
        if seen.chosen is not None:
            return _use_choice(seen)
        for answer, own in ((seen.default, False), (seen.own, True)):
            if answer.state == "answers" and _enough(answer):
                return _with_buildx(seen, own)
        if seen.default.state == "answers":
            raise _too_old_error(seen, seen.default)
        if seen.own.state == "denied" or (seen.default.state == "denied" and not seen.root):
            raise _denied_error(seen)
        if not seen.half_installed and (start := _start(seen)) is not None:
            return start
    return _install(seen, "engine")


def describe(step: Step) -> str:
    """What the next task that needs an engine would do, in a few words."""
    match step:
        case Use(own=True):
            return "the project's own engine"
        case Use():
            return "the client's endpoint"
        case StartService(way=way):
            return f"none runs; the next task starts it ({way})"
        case StartOwn():
            return "none runs; the next task starts the project's own"
        case Install(what=what, manager=manager):
            return f"none; the {what} can be installed with {manager}"


def _use_choice(seen: Survey) -> Step:
    assert seen.chosen  # noqa: S101 - the caller looked
    where = f"{seen.chosen.endpoint} ({seen.chosen.by})"
    if seen.default.state == "denied":
        raise _denied_error(seen)
    if seen.default.state == "silent":
        hint = " (systemctl --user start docker)" if "rootless" in seen.chosen.by else ""
        unset = (
            "unset DOCKER_HOST" if seen.chosen.by == "DOCKER_HOST" else "docker context use default"
        )
        raise EngineUnreachable(
            f"No Docker engine answers at {where}.",
            why=seen.default.detail,
            next=f"Start that engine{hint}, or use the default one: {unset}",
        )
    if not _enough(seen.default):
        raise _too_old_error(seen, seen.default)
    return _with_buildx(seen, own=False)


def _enough(answer: Answer) -> bool:
    return answer.server is not None and answer.server >= versions.ENGINE_FLOOR


def _with_buildx(seen: Survey, own: bool) -> Step:
    if seen.buildx is not None and seen.buildx >= versions.BUILDX_FLOOR:
        return Use(own)
    if seen.buildx is None and seen.root and seen.manager:
        return Install("plugin", seen.manager)
    raise _too_old_error(seen, seen.own if own else seen.default)


def _start(seen: Survey) -> Step | None:
    """How to start what is installed, or None where it is missing or too old to be started."""
    by_hand = seen.dockerd is not None and seen.dockerd >= versions.ENGINE_FLOOR
    if seen.root and by_hand and (seen.own_made or not seen.service):
        return StartOwn()
    if seen.service:
        argv, needs_root = service.START[seen.service]
        if seen.dockerd is not None and not by_hand:
            return None
        if needs_root and not seen.root:
            raise EngineDenied(
                "A Docker engine is installed and not running, and only root may start it.",
                next=f"sudo {shlex.join(argv)}",
            )
        return StartService(seen.service)
    if by_hand:
        raise EngineDenied(
            "A Docker engine is installed and not running, and only root may start it.",
            next=_as_root(seen),
        )
    return None


def _install(seen: Survey, what: str) -> Step:
    if seen.manager and seen.root:
        return Install(what, seen.manager)
    found = "No Docker engine answers and none is installed."
    if seen.dockerd is not None:
        found = (
            f"The installed Docker engine, {seen.dockerd}, is older than {versions.ENGINE_FLOOR}."
        )
    if seen.manager:
        raise EngineDenied(
            found,
            why="Only root may install one.",
            next=_as_root(seen),
        )
    raise EngineMissing(
        found,
        why="No package manager known here could install one.",
        next="Install and start Docker Desktop or Docker Engine (docs.docker.com/get-docker).",
    )


def _too_old_error(seen: Survey, answer: Answer) -> EngineTooOld:
    plugin = packages.install_argv(seen.manager, "plugin") if seen.manager else []
    only_buildx = _enough(answer) and seen.buildx is None and plugin
    return EngineTooOld(
        "The Docker engine that answers cannot build this image.",
        why=versions.shortfall(answer.server, seen.buildx),
        next=f"sudo {shlex.join(plugin)}" if only_buildx else "Upgrade Docker Engine and buildx.",
    )


def _denied_error(seen: Survey) -> EngineDenied:
    return EngineDenied(
        "The Docker engine's socket refuses this user.",
        why=seen.own.detail if seen.own.state == "denied" else seen.default.detail,
        next='sudo usermod -aG docker "$USER", then log in again. '
        "(Members of this group have the rights of root.)",
    )


def _refused_error(seen: Survey, answer: Answer) -> EngineUnreachable:
    """The docker client cannot work with its own settings: another engine would not be the wish."""
    names = " ".join(variable.partition("=")[0] for variable in seen.variables)
    return EngineUnreachable(
        "The docker client cannot be used with its present settings.",
        why=f"docker says: {answer.detail}"
        + (f" (Set: {', '.join(seen.variables)}.)" if names else ""),
        next=f"Correct them, or: unset {names}" if names else "Correct ~/.docker, or move it away.",
    )


def _as_root(seen: Survey) -> str:
    """The start as root, with this user's folder: root's own would be another."""
    folder = shlex.quote(f"MENTATOR_ENGINE_DIR={seen.folder}")
    # Root has the launcher, and not the environment that `invoke` is in.
    return f"sudo env {folder} {LAUNCHER} {START}"
