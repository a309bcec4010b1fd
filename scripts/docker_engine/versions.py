"""Versions as engines, clients and distributions print them, and the floors they must reach."""

from __future__ import annotations

import re

from packaging.version import Version

#: BuildKit is the default builder, and `docker build` is buildx, since Docker Engine 23.0.
ENGINE_FLOOR = Version("23.0")

#: `--metadata-file` with provenance, OCI layouts as named contexts and several outputs: 0.12.
BUILDX_FLOOR = Version("0.12")

_NUMBER = re.compile(r"(?:\d+:)?v?(\d+(?:\.\d+)+)(?:[-.~]?(rc|beta|alpha)\.?(\d+))?")


def parse(text: str) -> Version | None:
    """The release in one word, without what a distribution or a vendor appended, else None.

    `28.5.2+dfsg4`, `v0.12.0-desktop.2`, `29.0.0-rc.1` and dpkg's `5:20.10.24+dfsg1-1+deb12u1+b6`
    are seen; the last two parts of Debian's versions are no valid PEP 440 versions.
    """
    match = _NUMBER.match(text.strip())
    if match is None:
        return None
    release, kind, serial = match.groups()
    return Version(f"{release}{kind}{serial}" if kind else release)


def first(line: str) -> Version | None:
    """The first version in a line of words, else None.

    `docker buildx version` prints `github.com/docker/buildx v0.12.0 542e5d8` upstream and
    `github.com/docker/buildx 0.29.1+ds1 0.29.1+ds1-4` in Debian; `dockerd --version` prints
    `Docker version 28.5.2+dfsg4, build 3ef3c07`.
    """
    return next((found for word in line.split() if (found := parse(word)) is not None), None)


def shortfall(server: Version | None, buildx: Version | None) -> str:
    """What is missing for a build, as a sentence; empty where both reach their floors."""
    faults = []
    if server is None or server < ENGINE_FLOOR:
        faults.append(f"the engine is {server or 'of an unknown version'}, {ENGINE_FLOOR} needed")
    if buildx is None:
        faults.append(f"the buildx plugin is not installed, {BUILDX_FLOOR} needed")
    elif buildx < BUILDX_FLOOR:
        faults.append(f"buildx is {buildx}, {BUILDX_FLOOR} needed")
    text = "; ".join(faults)
    return f"{text[:1].upper()}{text[1:]}." if text else ""
