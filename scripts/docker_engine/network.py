"""What the daemon must know of this machine's network: the uplink's MTU, an unused subnet."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

#: The kernel's default, and Docker's.
DEFAULT_MTU = 1500

#: Where the private bridge's subnet is taken from: not among Docker's own default pools.
CANDIDATES = tuple(IPv4Network(f"10.213.{third}.0/24") for third in range(256))


def default_device(route_table: str) -> str:
    """The device of the default route with the lowest metric in /proc/net/route; "" if none."""
    defaults = [
        (metric, device) for net, metric, device in _routes(route_table) if not net.prefixlen
    ]
    return min(defaults)[1] if defaults else ""


def subnets(route_table: str) -> list[IPv4Network]:
    """The subnets that this machine routes, the default route aside."""
    return [net for net, _, _ in _routes(route_table) if net.prefixlen]


def _routes(table: str) -> Iterator[tuple[IPv4Network, int, str]]:
    """Subnet, metric and device of each row."""
    for fields in map(str.split, table.splitlines()[1:]):
        if len(fields) > 7:
            subnet = f"{_address(fields[1])}/{_address(fields[7])}"
            yield IPv4Network(subnet, strict=False), int(fields[6]), fields[0]


def free_subnet(used: Iterable[IPv4Network]) -> IPv4Network:
    """The first candidate that overlaps none in use."""
    taken = list(used)
    return next(net for net in CANDIDATES if not any(net.overlaps(other) for other in taken))


def uplink_mtu(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> int:
    """Bytes of the largest packet on the default route's device.

    A bridge with a larger MTU than the uplink loses large packets without a word: downloads in a
    build hang.
    """
    try:
        device = default_device((proc / "net" / "route").read_text(encoding="ascii"))
        text = (sys / "class" / "net" / device / "mtu").read_text(encoding="ascii")
        return int(text) if device else DEFAULT_MTU
    except (OSError, ValueError):
        return DEFAULT_MTU


def _address(text: str) -> IPv4Address:
    """An address as /proc/net/route has it: hexadecimal, in the machine's byte order."""
    return IPv4Address(struct.pack("=I", int(text, 16)))
