"""Decides where base images come from: the registry, or stand-ins from packages."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus

from scripts.shared.errors import BasesUnreachable
from scripts.shared.task_command import task_command

REGISTRY = "https://registry-1.docker.io/v2/"

#: Seconds to wait for the registry: one out of reach must not delay a build.
REGISTRY_TIMEOUT = 4.0


@dataclass(frozen=True)
class Reach:
    """What this machine can use: the images' registry; Debian's and npm's packages."""

    registry: bool
    packages: bool


def registry_answers() -> bool:
    """Whether the registry answers (a 401 is an answer: it asks for a token)."""
    try:
        # Not by requests, which takes longer to load than this takes.
        with urllib.request.urlopen(REGISTRY, timeout=REGISTRY_TIMEOUT) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except urllib.error.HTTPError as error:
        return error.code == HTTPStatus.UNAUTHORIZED
    except (OSError, http.client.HTTPException):
        return False


def choose_source(mode: str, reach: Reach) -> tuple[str, str]:
    """Return `registry` or `packages`, and one line that says why.

    Raises `BasesUnreachable` when the source asked for, or any, is out of reach.
    """
    usable = {"registry": reach.registry, "packages": reach.packages}
    if mode in usable:
        if usable[mode]:
            return mode, f"base images from {mode}: as asked"
        raise BasesUnreachable(*_REASONS[mode])
    if reach.registry:
        return "registry", "base images from the registry: it is in reach"
    if reach.packages:
        return "packages", "base images from Debian and npm packages: no image registry in reach"
    raise BasesUnreachable(
        "Base images are available neither from a registry nor from packages.",
        why="docker.io does not answer, and stand-ins are built with apt on Debian or Ubuntu only.",
        next=f"Check network and proxy (`{task_command('doctor')}`).",
    )


_REASONS = {
    "registry": (
        "The base images' registry (docker.io) does not answer.",
        "",
        "Check network and proxy, or use --bases packages.",
    ),
    "packages": (
        "Stand-ins for base images cannot be built here.",
        "They need mmdebstrap, which is installed with apt on Debian or Ubuntu.",
        "Use --bases registry, or build on Debian or Ubuntu.",
    ),
}
