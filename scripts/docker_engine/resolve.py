"""Gets an engine: survey, decide, act, until one answers that is good enough."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.docker_engine import client, packages, service
from scripts.docker_engine.decision import (
    START,
    Install,
    StartOwn,
    StartService,
    Step,
    Use,
    decide,
    describe,
)
from scripts.docker_engine.folder import INSTALLING, host
from scripts.docker_engine.handle import Engine, EngineOptions
from scripts.docker_engine.survey import Survey, look
from scripts.shared import commands
from scripts.shared.console import say, wait_until
from scripts.shared.errors import EngineError, EngineMissing, EngineUnreachable
from scripts.shared.task_command import task_command


def ensure(options: EngineOptions) -> Engine:
    """The engine to use, started or installed if need be; raises an `Engine*` error or `NoSpace`.

    An installation needs `options.yes` or a yes on the terminal.
    """
    if options.found:
        return options.found
    folder = options.folder
    done: list[Step] = []
    while True:
        seen = look(folder, thorough=False, remember=True)
        step = decide(seen)
        if isinstance(step, Use):
            return _engine(seen, step.own)
        if step in done:
            raise EngineUnreachable(
                f"Still no engine that can be used: {describe(step)}.",
                why=f"That was done already. {seen.own.detail or seen.default.detail}",
                next=f"Run `{task_command('doctor')}` to see what is there.",
            )
        _act(step, options)
        done.append(step)


def find(folder: Path, *, remember: bool = False) -> Engine | None:
    """The engine that `ensure` would use as it is, else None; starts and installs nothing.

    `folder` is that of the project's own engine; with `remember` a note is written that makes the
    next look faster.
    """
    return usable(look(folder, thorough=False, remember=remember))


def usable(seen: Survey) -> Engine | None:
    """The engine among those that a survey found which can be used as it is, else None."""
    try:
        step = decide(seen)
    except EngineError:
        return None
    return _engine(seen, step.own) if isinstance(step, Use) else None


def start(options: EngineOptions) -> Engine:
    """The task `engine.start`: make sure that an engine answers, and say which."""
    engine = ensure(options)
    say(f"engine {engine.server} answers at {engine.host or 'the default endpoint'}")
    return engine


def stop(folder: Path) -> bool:
    """The task `engine.stop`: end the project's own engine only; returns whether one ran.

    Its containers are stopped by it first. Raises `EngineDenied` for another user's process.
    """
    from scripts.docker_engine import daemon

    ran = daemon.stop(folder)
    say(f"stopped the engine in {folder}" if ran else f"no engine of the project runs in {folder}")
    return ran


def _act(step: Step, options: EngineOptions) -> None:
    folder = options.folder
    if isinstance(step, StartOwn):
        from scripts.docker_engine import daemon  # only here: most builds find an engine

        daemon.start(folder)
    elif isinstance(step, StartService):
        _start_service(step.way)
    elif isinstance(step, Install):
        _consent(f"Install {' '.join(packages.names(step.manager, step.what))}?", options.yes)
        _install(step, folder)


def _install(step: Install, folder: Path) -> None:
    from scripts.docker_engine import install

    say(f"installing with {step.manager}")
    if step.what == "plugin":
        install.install(step.what, step.manager)
        return
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / INSTALLING
    mark.touch()
    install.install(step.what, step.manager)
    # From now on the project's own engine is started, not the packages' service.
    (folder / "data").mkdir(exist_ok=True, mode=0o711)
    mark.unlink()


def _start_service(way: str) -> None:
    argv, _ = service.START[way]
    code = commands.run(argv)
    patience = service.PATIENCE.get(way, service.DEFAULT_PATIENCE)
    if code == 0 and wait_until(
        "Waiting for the engine to answer",
        lambda: client.ask().state == "answers",
        timeout=patience,
        interval=0.5,
    ):
        return
    raise EngineUnreachable(
        f"`{' '.join(argv)}` brought no engine that answers.",
        why=f"It exited with {code}." if code else f"{patience:g} s have passed.",
        next="See its log: journalctl -u docker, or Docker Desktop's window.",
    )


def _consent(question: str, yes: bool) -> None:
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise EngineMissing(
            "No Docker engine that can be used is installed.",
            why=f"{question} There is no terminal to ask on.",
            next=task_command(START),
        )
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise EngineMissing(
            "No Docker engine is installed, and the installation was refused.",
            next=task_command(START),
        )


def _engine(seen: Survey, own: bool) -> Engine:
    answer = seen.own if own else seen.default
    return Engine(host(seen.folder) if own else None, own, answer.server)
