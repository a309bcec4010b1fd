"""Which packages bring an engine, by package manager: one table, and argv from it.

Only `apt` on Debian 12 was run for real; the other rows follow the distributions' package lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

#: Bytes that downloads and unpacked packages need in /var and /usr, generously.
#: Measured on Debian 12 (x86-64): 82 MB of archives, 333 MB installed.
ROOM = 1_000_000_000


@dataclass(frozen=True)
class Manager:
    """A package manager: its program, how it installs, and what an engine is called there.

    `plugin` is what brings buildx alone, to a client that is installed.
    """

    program: str
    install: tuple[str, ...]
    engine: tuple[str, ...]
    plugin: tuple[str, ...]


_APT_INSTALL = ("-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends")

MANAGERS: Mapping[str, Manager] = {
    "apt": Manager(
        "apt-get",
        _APT_INSTALL,
        ("docker.io", "docker-buildx", "docker-cli", "iptables", "iproute2"),
        ("docker-buildx",),
    ),
    "dnf": Manager(
        "dnf",
        ("install", "-y"),
        ("moby-engine", "docker-cli", "docker-buildx", "iptables-nft", "iproute"),
        ("docker-buildx",),
    ),
    "zypper": Manager(
        "zypper",
        ("--non-interactive", "install"),
        ("docker", "docker-buildx", "iptables", "iproute2"),
        ("docker-buildx",),
    ),
    "pacman": Manager(
        "pacman",
        ("-S", "--noconfirm", "--needed"),
        ("docker", "docker-buildx", "iptables", "iproute2"),
        ("docker-buildx",),
    ),
    "apk": Manager(
        "apk",
        ("add",),
        ("docker", "docker-cli-buildx", "iptables", "iproute2"),
        ("docker-cli-buildx",),
    ),
}


def manager(which: Callable[[str], str | None]) -> str:
    """The name of this machine's package manager, as a row of the table; "" if none."""
    return next((name for name, row in MANAGERS.items() if which(row.program)), "")


def names(name: str, what: str) -> tuple[str, ...]:
    """The packages of `what`, `engine` or `plugin`, with the package manager `name`."""
    return MANAGERS[name].engine if what == "engine" else MANAGERS[name].plugin


def install_argv(name: str, what: str) -> list[str]:
    """The command that installs `what`, `engine` or `plugin`, with the package manager `name`."""
    row = MANAGERS[name]
    return [row.program, *row.install, *names(name, what)]
