"""The annotations of an image's manifest: what a registry shows of an image without pulling it.

They repeat the labels, and hold nothing else than what the build was made from: the same commits
give the same digest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

PREFIX = "org.opencontainers.image."

#: A base image's reference with its digest. A stand-in has none: no registry has it.
PINNED = re.compile(r"([^\s@]+)@(sha256:[0-9a-f]{64})")


def choose(labels: Mapping[str, str], base: str, epoch: str) -> dict[str, str]:
    """The annotations for an image with `labels`, on the base image `base`.

    `epoch` is the time in the image in seconds since 1970, empty where no commit is known: an
    annotation of another time would change the digest at each build.
    """
    found = {
        name: value
        for name, value in labels.items()
        if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}base.")
    }
    if pinned := PINNED.fullmatch(base):
        found[f"{PREFIX}base.name"], found[f"{PREFIX}base.digest"] = pinned.groups()
    if epoch:
        moment = datetime.fromtimestamp(int(epoch), UTC)
        found[f"{PREFIX}created"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    source = found.get(f"{PREFIX}source", "")
    if source.startswith(("https://", "http://")):
        found[f"{PREFIX}url"] = source.removesuffix(".git")
    return found


def options(found: Mapping[str, str]) -> list[str]:
    """The options of buildx. An image of one platform is a manifest; no index is around it."""
    argv: list[str] = []
    for name, value in found.items():
        argv += ["--annotation", f"manifest:{name}={value}"]
    return argv
