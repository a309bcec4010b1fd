"""The daemon's process: found by its command line, so that a stale pid file cannot mislead.

A pid file alone proves nothing: after a crash or a reboot its number may belong to another program.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.shared.console import wait_until
from scripts.shared.errors import EngineDenied

PROC = Path("/proc")

#: Seconds after SIGTERM: dockerd itself gives its containers 15 before it kills them.
GRACE = 40.0

#: Started by this process: kept so that they are reaped, and not ended with their handle.
_children: dict[int, subprocess.Popen[bytes]] = {}


def detach(argv: Sequence[str], log: Path) -> int:
    """Start a program that outlives this one, in a session of its own; returns its pid."""
    with log.open("wb") as out:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd="/"
        )
    _children[child.pid] = child
    return child.pid


def find(program: str, folder: Path, proc: Path = PROC) -> int | None:
    """The pid of the running `program` whose arguments name a path in `folder`, else None."""
    return next((pid for pid, argv in _all(proc) if is_ours(argv, program, folder)), None)


def others(program: str, folder: Path, proc: Path = PROC) -> list[int]:
    """The pids of `program` in this network namespace that do not belong to `folder`."""
    here = _network(proc / "self")
    return [
        pid
        for pid, argv in _all(proc)
        if _is_program(argv, program)
        and not is_ours(argv, program, folder)
        and _network(proc / str(pid)) == here
    ]


def is_ours(argv: Sequence[str], program: str, folder: Path) -> bool:
    """Whether a command line is `program` with a path below `folder` among its arguments."""
    return _is_program(argv, program) and any(f"{folder}/" in argument for argument in argv[1:])


def end(pid: int, what: str) -> None:
    """End a process in steps: SIGTERM, `GRACE` seconds, SIGKILL."""
    for step in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, step)
        except ProcessLookupError:
            return
        except PermissionError:
            raise EngineDenied(
                f"{what} (pid {pid}) belongs to another user.",
                next=f"As root: kill {pid}",
            ) from None
        if wait_until(f"Waiting for {what} to end", lambda: not alive(pid), timeout=GRACE):
            return


def alive(pid: int, proc: Path = PROC) -> bool:
    """Whether the process runs; a zombie does not. (A command line is empty during an exec.)"""
    child = _children.get(pid)
    if child is not None:
        return child.poll() is None
    try:
        stat = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def _all(proc: Path) -> Iterator[tuple[int, list[str]]]:
    for child in _children.values():
        child.poll()  # reaps the one that has ended
    for entry in proc.iterdir() if proc.is_dir() else ():
        if entry.name.isdigit() and (argv := _command_line(entry)):
            yield int(entry.name), argv


def _command_line(entry: Path) -> list[str]:
    try:
        raw = (entry / "cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(part) for part in raw.split(b"\0") if part]


def _is_program(argv: Sequence[str], program: str) -> bool:
    return bool(argv) and argv[0].rpartition("/")[2] == program


def _network(entry: Path) -> str:
    try:
        return str((entry / "ns" / "net").readlink())
    except OSError:
        return ""
