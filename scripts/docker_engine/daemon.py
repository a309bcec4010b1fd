"""The project's own dockerd, started and ended by hand, as root, without a service manager."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from scripts.docker_engine import bridge, client, configuration, mounts, network, process
from scripts.docker_engine import folder as layout
from scripts.shared import disk_space as space
from scripts.shared.console import say, wait_until
from scripts.shared.errors import EngineDenied, EngineUnreachable
from scripts.shared.file_lock import hold_lock
from scripts.shared.task_command import task_command

#: Seconds until a started daemon answers: 1 s on an idle machine; a large store takes longer.
PATIENCE = 90.0

#: Bytes below which a start is pointless: the first base image alone is larger.
ROOM = 1_000_000_000


def start(folder: Path) -> None:
    """Start the engine in `folder`, or wait for the one that is starting there.

    Raises `UsageError` (path too long), `NoSpace`, `EngineUnreachable` with the log's last lines.
    """
    layout.check_length(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with hold_lock(folder / "start.lock", "which starts the engine"):  # two tasks at once
        running = process.find("dockerd", folder)
        if running is None:
            space.require(folder, ROOM, "The engine")
            _clear(folder)
        pid = running or _launch(folder)
    try:
        _await(folder, pid)
    except EngineUnreachable:
        if running is None or process.alive(running):
            raise
        start(folder)  # the one that was found was about to end
    except KeyboardInterrupt:
        if running is None:
            stop(folder)
        raise


def stop(folder: Path) -> bool:
    """End the engine in `folder`, and nothing else; returns whether one ran.

    Raises `EngineDenied` where it belongs to another user.
    """
    pid = process.find("dockerd", folder)
    if pid is not None:
        process.end(pid, "the project's engine")
    try:
        _clear(folder)
    except PermissionError as error:
        raise EngineDenied(f"{folder} belongs to another user.", why=str(error)) from None
    run = layout.exec_root(folder)
    if mounts.release([folder, run]):
        shutil.rmtree(run, ignore_errors=True)
    return pid is not None


def log_tail(folder: Path, lines: int = 8) -> str:
    """The last lines of the daemon's log; empty where there is none."""
    try:
        text = (folder / "dockerd.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.strip().splitlines()[-lines:])


def _launch(folder: Path) -> int:
    mtu = network.uplink_mtu()
    other = process.others("dockerd", folder)
    own_bridge = bridge.create(folder, mtu) if other else None
    if own_bridge:
        say(f"another dockerd runs here (pid {other[0]}): using the bridge {own_bridge.name}")
    document = configuration.daemon_json(folder, mtu, own_bridge, configuration.of_host())
    (folder / "daemon.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    say(f"starting an engine in {folder}, MTU {mtu}")
    return process.detach(configuration.argv(folder), folder / "dockerd.log")


def _await(folder: Path, pid: int) -> None:
    def ready() -> bool:
        if not process.alive(pid):
            raise EngineUnreachable(
                "The project's engine ended while it was starting.",
                why=f"The end of {folder / 'dockerd.log'}:\n{log_tail(folder)}",
                next="Fix what the log names; in a container, --privileged is needed.",
            )
        return client.ask(layout.host(folder)).state == "answers"

    try:
        answers = wait_until("Waiting for the engine to answer", ready, timeout=PATIENCE)
    except EngineUnreachable:
        _clear(folder)
        raise
    if not answers:
        raise EngineUnreachable(
            f"The project's engine (pid {pid}) did not answer within {PATIENCE:g} s.",
            why=f"The end of {folder / 'dockerd.log'}:\n{log_tail(folder)}",
            next=f"`{task_command('engine.stop')}`, then try again.",
        )


def _clear(folder: Path) -> None:
    """Remove what a daemon that is gone left.

    A killed one leaves its containerd, and pid files that the next would believe, whatever program
    has the number now, or a zombie (10 s of waiting with 28.5).
    """
    run = layout.exec_root(folder)
    child = process.find("containerd", run)
    if child is not None:
        process.end(child, "a containerd that was left")
    for left in (
        folder / "dockerd.pid",
        folder / "docker.sock",
        run / "containerd" / "containerd.pid",
    ):
        left.unlink(missing_ok=True)
    bridge.remove(folder)
