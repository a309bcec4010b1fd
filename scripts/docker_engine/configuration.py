"""The own daemon's configuration, one JSON file.

A file of its own keeps the host's /etc/docker/daemon.json out, whose `hosts` or `data-root` would
clash with ours; the keys that say how this machine reaches others are taken over from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.docker_engine.bridge import Bridge
from scripts.docker_engine.folder import exec_root, host

HOST_CONFIGURATION = Path("/etc/docker/daemon.json")

#: What the host's administrator knows better than we do.
INHERITED = ("registry-mirrors", "insecure-registries", "proxies", "dns", "runtimes")

#: What BuildKit's collector may remove, rule by rule. Its default drops the compilers' caches
#: (cache mounts) first, and already when less than a fifth of the disk is free: hours of compiling.
#: Here copies of build contexts go first, then layers where all of the cache has more than 60 GB or
#: less than 3 GB are free, and cache mounts only where it has 80 GB or the disk is about full.
GC_POLICY: tuple[Mapping[str, Any], ...] = (
    {"filter": ["type=source.local"], "maxUsedSpace": "2GB", "minFreeSpace": "3GB"},
    {"filter": ["type=regular"], "maxUsedSpace": "60GB", "minFreeSpace": "3GB"},
    {"all": True, "maxUsedSpace": "80GB", "minFreeSpace": "1GB"},
)


def daemon_json(
    folder: Path, mtu: int, bridge: Bridge | None, inherited: Mapping[str, Any]
) -> dict[str, Any]:
    """The configuration of the daemon in `folder`; `bridge` where docker0 is another's.

    The containerd image store keeps attestations and compressed layers, and exports caches, which
    the older store cannot; it is the default from Docker 29 on.
    """
    alone: dict[str, Any] = (
        {"bridge": bridge.name, "iptables": False, "ip6tables": False} if bridge else {}
    )
    return {
        **{key: inherited[key] for key in INHERITED if key in inherited},
        "hosts": [host(folder)],
        "data-root": str(folder / "data"),
        "exec-root": str(exec_root(folder)),
        "pidfile": str(folder / "dockerd.pid"),
        "mtu": mtu,
        "features": {"containerd-snapshotter": True},
        "builder": {"gc": {"enabled": True, "policy": GC_POLICY}},
        **alone,
    }


def argv(folder: Path) -> list[str]:
    """The daemon's command line."""
    return ["dockerd", "--config-file", str(folder / "daemon.json")]


def of_host(path: Path = HOST_CONFIGURATION) -> Mapping[str, Any]:
    """The host's own daemon.json; empty where there is none that can be read."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
