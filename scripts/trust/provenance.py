"""How an image was made, in SLSA's terms, from the build's record and the pins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: Names the form of the parameters below; another form gets another name.
BUILD_TYPE = "urn:mentator:image-build:v1"

#: The builder where no CI says who it is: someone's own machine.
LOCAL = "urn:mentator:builder:local"

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
SHA256 = re.compile(r"(.*?)[@ ]sha256:([0-9a-f]{64})")


def predicate(
    image: Mapping[str, Any], pins: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, Any]:
    """The predicate of `https://slsa.dev/provenance/v1` for a build's record.

    It holds no time: the same build is described by the same text. `environ` is that of a GitHub
    job, if it is one.
    """
    application, bases = image["application"], image.get("bases", {})
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "variant": image["variant"],
                "node": image.get("node", ""),
                "model": image.get("model", {}).get("setting", ""),
                "bases": bases.get("source", ""),
                "backends": dict(image.get("backends", {})),
                "application": {"name": application["name"], "version": application["version"]},
            },
            "internalParameters": {"revision": image.get("revision", "")},
            "resolvedDependencies": _dependencies(image, pins),
        },
        "runDetails": {"builder": {"id": _builder(environ)}, "metadata": _run(environ)},
    }


def _dependencies(image: Mapping[str, Any], pins: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Sources, base images, their parts out of npm, and the model; each with its digest."""
    application = image["application"]
    sources = (
        ("pipeline", image.get("revision", ""), ""),
        ("application", application.get("commit", ""), application.get("source", "")),
    )
    found = [_source(*source) for source in sources if source[1]]
    bases = image.get("bases", {})
    for name, identity in bases.items():
        if match := SHA256.fullmatch(str(identity)):
            found.append({"name": f"base {name}: {match[1]}", "digest": {"sha256": match[2]}})
    row = pins.get(f"node{image.get('node', '')}", {})
    # The official image of Node stands for its parts; a stand-in is made of these packages.
    if bases.get("source") == "packages":
        for name, part in row.get("npm", {}).items():
            uri = f"pkg:npm/{name}@{part['version']}"
            found.append({"uri": uri, "annotations": {"integrity": part["integrity"]}})
    model = image.get("model", {})
    if model.get("sha256"):
        found.append({"name": f"model {model['name']}", "digest": {"sha256": model["sha256"]}})
    return found


def _source(name: str, commit: str, origin: str) -> dict[str, Any]:
    """A source; a commit with changes of its own (`-dirty`) is named, and is no digest."""
    entry: dict[str, Any] = {"name": name}
    entry |= {"uri": f"git+{origin}"} if origin else {}
    if COMMIT.fullmatch(commit):
        return entry | {"digest": {"gitCommit": commit}}
    return entry | {"annotations": {"commit": commit}}


def _builder(environ: Mapping[str, str]) -> str:
    workflow = environ.get("GITHUB_WORKFLOW_REF", "")
    return f"{_server(environ)}/{workflow}" if workflow else LOCAL


def _run(environ: Mapping[str, str]) -> dict[str, str]:
    repository, run = environ.get("GITHUB_REPOSITORY", ""), environ.get("GITHUB_RUN_ID", "")
    if not (repository and run):
        return {}
    attempt = environ.get("GITHUB_RUN_ATTEMPT", "1")
    address = f"{_server(environ)}/{repository}/actions/runs/{run}/attempts/{attempt}"
    return {"invocationId": address}


def _server(environ: Mapping[str, str]) -> str:
    return environ.get("GITHUB_SERVER_URL", "https://github.com")
