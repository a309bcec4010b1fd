"""Nodes of a Swarm on this machine: engines in network namespaces, each with an address.

The bridge between them is in a namespace, too, where no firewall rule of this machine's engine
drops what passes. No way leads out: a pull fails at once. Needs root. The engines' data lies in a
folder, which is removed at the end.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scripts.docker_engine import process
from scripts.shared import commands

#: The begin of the nodes' addresses: a network that is kept for measurements.
NETWORK = f"198.18.{os.getpid() % 256}"

#: Names of interfaces have at most 15 characters.
PREFIX = f"mf{os.getpid() % 100_000}"

PROC = Path("/proc")


@dataclass(frozen=True)
class Node:
    """One engine."""

    number: int
    folder: Path
    run: Path

    @property
    def address(self) -> str:
        """Its address, which this machine and the other nodes reach."""
        return f"{NETWORK}.{self.number}"

    @property
    def space(self) -> str:
        """The name of its network namespace."""
        return f"{PREFIX}n{self.number}"

    @property
    def link(self) -> str:
        """The interface in the hub that leads to it."""
        return f"{PREFIX}v{self.number}"

    def docker(self, *words: str, timeout: float = 120) -> str:
        """The output of a docker command on this node; raises CommandFailed."""
        return commands.check(self._argv(*words), timeout=timeout)

    def ask(self, *words: str) -> commands.Result:
        """The same with its exit status; raises nothing."""
        return commands.capture(self._argv(*words), timeout=60)

    def _argv(self, *words: str) -> list[str]:
        return ["docker", "--host", f"unix://{self.folder}/docker.sock", *words]

    def start(self, *options: str) -> None:
        """Start the engine, and wait for its answer."""
        self.folder.mkdir(parents=True, exist_ok=True)
        paths = ("--data-root", f"{self.folder}/data", "--exec-root", str(self.run))
        more = ("--pidfile", f"{self.folder}/pid", "--config-file", "/dev/null")
        argv = ["nsenter", f"--net=/run/netns/{self.space}", "dockerd", *paths, *more]
        socket = f"unix://{self.folder}/docker.sock"
        process.detach([*argv, "--host", socket, *options], self.folder / "log")
        wait(f"the engine of node {self.number}", lambda: self.ask("version").code == 0, 60)

    def processes(self) -> list[int]:
        """The engine's, its shims' and its containers' process ids."""
        listed = self.ask("ps", "--quiet").out.split()
        form = "{{.State.Pid}}"
        inspected = self.ask("inspect", "--format", form, *listed).out.split() if listed else []
        inside = _inode(Path("/run/netns") / self.space)
        every = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
        own = [pid for pid in every if _inode(PROC / str(pid) / "ns" / "net") == inside]
        return [*(own if inside else ()), *map(int, inspected)]

    def cut_power(self) -> None:
        """End it as a loss of power does: no connection is closed, nobody is told."""
        pids = self.processes()
        _in_hub("ip", "link", "set", self.link, "down")
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """End the engine with all that it started, whatever state it is in."""
        pids = self.processes()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(AssertionError):
            wait("the engine's end", partial(_ended, pids), 10)


def wait(what: str, done: Callable[[], bool], seconds: float) -> float:
    """Wait until `done`; returns the seconds that it took, fails after `seconds`."""
    begin = time.monotonic()
    while not done():
        assert time.monotonic() - begin < seconds, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.2)
    return time.monotonic() - begin


@contextmanager
def engines(count: int, folder: Path, *options: Sequence[str]) -> Iterator[list[Node]]:
    """`count` engines, each with its row of `options` for dockerd; all is removed at the end."""
    rows = itertools.chain(options, itertools.repeat(()))
    nodes = [
        Node(number, folder / str(number), Path("/run") / f"{PREFIX}-{number}")
        for number in range(1, count + 1)
    ]
    try:
        _connect(nodes)
        for node, row in zip(nodes, rows, strict=False):
            node.start(*row)
        yield nodes
    finally:
        _remove(nodes, folder)


def _connect(nodes: Sequence[Node]) -> None:
    hub, up = f"{PREFIX}h", f"{PREFIX}u"
    _ip("netns", "add", hub)
    _in_hub("ip", "link", "add", "bridge", "type", "bridge")
    _in_hub("ip", "link", "set", "bridge", "up")
    _ip("link", "add", up, "type", "veth", "peer", "name", up, "netns", hub)
    _in_hub("ip", "link", "set", up, "master", "bridge", "up")
    _ip("address", "add", f"{NETWORK}.254/24", "dev", up)
    _ip("link", "set", up, "up")
    for node in nodes:
        _ip("netns", "add", node.space)
        peer = ("peer", "name", "eth0", "netns", node.space)
        _in_hub("ip", "link", "add", node.link, "type", "veth", *peer)
        _in_hub("ip", "link", "set", node.link, "master", "bridge", "up")
        _within(node.space, "ip", "address", "add", f"{node.address}/24", "dev", "eth0")
        _within(node.space, "ip", "link", "set", "eth0", "up")
        _within(node.space, "ip", "link", "set", "lo", "up")


def _remove(nodes: Sequence[Node], folder: Path) -> None:
    for node in nodes:
        node.stop()
    for name in (*(node.space for node in nodes), f"{PREFIX}h"):
        commands.capture(["ip", "netns", "delete", name])
    for node in nodes:
        _unmount(node.run)
        _unmount(node.folder)
        shutil.rmtree(node.run, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _unmount(folder: Path) -> None:
    """What an engine that was killed has left mounted; the innermost first."""
    mounts = [line.split()[1] for line in (PROC / "self/mounts").read_text().splitlines()]
    for mount in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
        commands.capture(["umount", "--lazy", mount])


def _ended(pids: Sequence[int]) -> bool:
    return not any(map(process.alive, pids))


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _ip(*words: str) -> None:
    commands.check(["ip", *words])


def _within(space: str, *argv: str) -> None:
    # Not `ip netns exec`, which mounts another /sys, without the control groups.
    commands.check(["nsenter", f"--net=/run/netns/{space}", *argv])


def _in_hub(*argv: str) -> None:
    _within(f"{PREFIX}h", *argv)
