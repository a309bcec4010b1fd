"""Decides where base images come from: the registry, or stand-ins from packages."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.shared.errors import BasesUnreachable
from scripts.shared.task_command import task_command


@dataclass(frozen=True)
class Reach:
    """What this machine can use: the images' registry; Debian's and npm's packages.

    `fault` says why the registry cannot be used, in a few words.
    """

    registry: bool
    packages: bool
    fault: str = "no image registry in reach"


def choose_source(mode: str, reach: Reach) -> tuple[str, str]:
    """Return `registry` or `packages`, and one line that says why.

    Raises `BasesUnreachable` when the source asked for, or any, is out of reach.
    """
    usable = {"registry": reach.registry, "packages": reach.packages}
    if mode in usable:
        if usable[mode]:
            return mode, f"base images from {mode}: as asked"
        what, why, remedy = _REASONS[mode]
        raise BasesUnreachable(what, why or f"{reach.fault}.", remedy)
    if reach.registry:
        return "registry", "base images from the registry: it is in reach"
    if reach.packages:
        return "packages", f"base images from Debian and npm packages: {reach.fault}"
    raise BasesUnreachable(
        "Base images are available neither from a registry nor from packages.",
        why=f"{reach.fault}; stand-ins are built with apt on Debian or Ubuntu only.",
        next=f"Check network and proxy (`{task_command('doctor')}`).",
    )


_REASONS = {
    "registry": (
        "The base images' registry cannot be used.",
        "",
        "Check network and proxy, name a mirror (base_registry), or use --bases packages.",
    ),
    "packages": (
        "Stand-ins for base images cannot be built here.",
        "They need mmdebstrap, which is installed with apt on Debian or Ubuntu.",
        "Use --bases registry, or build on Debian or Ubuntu.",
    ),
}
