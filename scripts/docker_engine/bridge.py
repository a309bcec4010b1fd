"""A private bridge, for when another dockerd runs in this network namespace.

Two daemons cannot share docker0 (both hand out 172.17.0.2), and a starting one clears the other's
iptables chains, which cuts its containers off. So the second one, ours, gets a bridge of its own
and leaves iptables alone; the three rules that its containers need are ours. Published ports go
through docker-proxy then, and only the default network reaches the outside. (A host's daemon that
is started after ours, while ours has docker0, is not kept from it.)
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from scripts.docker_engine import network
from scripts.docker_engine.folder import identity
from scripts.shared import commands
from scripts.shared.errors import CommandFailed, EngineUnreachable


@dataclass(frozen=True)
class Bridge:
    """A bridge's device name (15 bytes at most) and its subnet."""

    name: str
    subnet: IPv4Network

    def rules(self) -> list[tuple[str, ...]]:
        """Table, chain and rule: packets out, their answers in, the address on the way out."""
        answers = ("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED")
        # fmt: off
        return [
            ("filter", "FORWARD", "-i", self.name, "-j", "ACCEPT"),
            ("filter", "FORWARD", "-o", self.name, *answers, "-j", "ACCEPT"),
            ("nat", "POSTROUTING", "-s", str(self.subnet),
             "!", "-o", self.name, "-j", "MASQUERADE"),
        ]
        # fmt: on


def create_argv(bridge: Bridge, mtu: int) -> list[list[str]]:
    """The commands that make it."""
    gateway = f"{bridge.subnet[1]}/{bridge.subnet.prefixlen}"
    return [
        ["ip", "link", "add", bridge.name, "mtu", str(mtu), "type", "bridge"],
        ["ip", "address", "add", gateway, "dev", bridge.name],
        ["ip", "link", "set", bridge.name, "up"],
        *(["iptables", "-w", "-t", table, "-I", *rule] for table, *rule in bridge.rules()),
    ]


def remove_argv(bridge: Bridge) -> list[list[str]]:
    """The commands that remove it and its rules."""
    return [
        *(["iptables", "-w", "-t", table, "-D", *rule] for table, *rule in bridge.rules()),
        ["ip", "link", "delete", bridge.name],
    ]


def create(folder: Path, mtu: int) -> Bridge:
    """Make the bridge of the engine in `folder`, and keep its subnet there for `remove`."""
    remove(folder)
    used = network.subnets(Path("/proc/net/route").read_text(encoding="ascii"))
    bridge = _bridge(folder, network.free_subnet(used))
    _record(folder).write_text(str(bridge.subnet), encoding="ascii")
    try:
        for argv in create_argv(bridge, mtu):
            commands.check(argv)
    except CommandFailed as error:
        remove(folder)
        raise EngineUnreachable(
            "The project's engine needs a bridge of its own, which could not be made.",
            why=f"Another dockerd runs here. {error.what} {error.why}",
            next="Start the other engine (`docker version`), or install iproute2 and iptables.",
        ) from None
    return bridge


def remove(folder: Path) -> None:
    """Remove the bridge of the engine in `folder`, if it has one and it is still there."""
    record = _record(folder)
    if record.exists():
        subnet = IPv4Network(record.read_text(encoding="ascii").strip())
        for argv in remove_argv(_bridge(folder, subnet)):
            commands.capture(argv)
        record.unlink()


def _bridge(folder: Path, subnet: IPv4Network) -> Bridge:
    return Bridge(f"mentator-{identity(folder)[:6]}", subnet)


def _record(folder: Path) -> Path:
    return folder / "bridge"
