"""Asks the docker client: which endpoint it would use, who answers there, what is installed.

Nothing is started or changed here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from packaging.version import Version

from scripts.docker_engine import versions
from scripts.shared import commands

#: Seconds for an answer; a remote engine over SSH takes a few.
PATIENCE = 20.0

#: Docker Desktop makes this context and selects it by itself: no choice of the user.
DESKTOP_CONTEXT = "desktop-linux"


@dataclass(frozen=True)
class Chosen:
    """An endpoint that the user chose; `by` is `DOCKER_HOST` or the context's name."""

    by: str
    endpoint: str


@dataclass(frozen=True)
class Answer:
    """What an endpoint said; `server` is set where it answers, `detail` where it does not.

    `client` is the version of the client that asked; None where it is not installed.
    """

    state: Literal["answers", "silent", "denied"]
    server: Version | None = None
    detail: str = ""
    client: Version | None = field(default=None, compare=False)


def ask(host: str | None = None) -> Answer:
    """Ask the endpoint `host`, or the client's own."""
    result = commands.capture(_version_argv(host), timeout=PATIENCE)
    return read_answer(result.out, result.err)


def read_answer(out: str, err: str) -> Answer:
    """The answer in the output of `docker version --format '{{json .}}'`."""
    document = _document(out)
    client, server = (document.get(side) or {} for side in ("Client", "Server"))
    version = versions.parse(str(client.get("Version", "")))
    if server.get("Version"):
        return Answer("answers", server=versions.parse(server["Version"]), client=version)
    detail = err.strip().splitlines()[-1] if err.strip() else "no server in its answer"
    denied = "permission denied" in err.lower()
    return Answer("denied" if denied else "silent", detail=detail, client=version)


def buildx_version() -> Version | None:
    """The buildx plugin's version; None where it is not installed."""
    result = commands.capture(["docker", "buildx", "version"], timeout=PATIENCE)
    return versions.first(result.out) if result.code == 0 else None


def daemon_version() -> Version | None:
    """The version of the installed `dockerd`; None where there is none."""
    result = commands.capture(["dockerd", "--version"], timeout=PATIENCE)
    return versions.first(result.out) if result.code == 0 else None


def user_choice(environ: Mapping[str, str] | None = None) -> Chosen | None:
    """The endpoint that DOCKER_HOST or a selected context names; None for the default one."""
    host = (os.environ if environ is None else environ).get("DOCKER_HOST", "")
    if host:
        return Chosen("DOCKER_HOST", host)
    context = current_context()
    if context in ("", "default", DESKTOP_CONTEXT):
        return None
    argv = ["docker", "context", "inspect", context, "--format", "{{.Endpoints.docker.Host}}"]
    return Chosen(f"context {context}", commands.capture(argv, timeout=PATIENCE).out or "unknown")


def current_context() -> str:
    """The client's current context; empty where the client has none to tell."""
    return commands.capture(["docker", "context", "show"], timeout=PATIENCE).out.strip()


def _version_argv(host: str | None) -> list[str]:
    chosen_host = [] if host is None else ["--host", host]
    return ["docker", *chosen_host, "version", "--format", "{{json .}}"]


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
