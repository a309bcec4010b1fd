"""Asks the docker client: which endpoint it would use, who answers there, what is installed.

Nothing is started or changed here, a note in `build/` aside, where the caller allows it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from packaging.version import Version

from scripts.docker_engine import versions
from scripts.shared import commands
from scripts.shared.paths import BUILD, home

#: Seconds for an answer; a remote engine over SSH takes a few.
PATIENCE = 20.0

#: The version of buildx that was seen last, and the file that it is the version of.
MEMO = BUILD / "buildx.json"

#: Docker Desktop makes this context and selects it by itself: no choice of the user.
DESKTOP_CONTEXT = "desktop-linux"

#: Exit codes of a program that is not there, may not be run, or did not answer in time.
NOT_RUN = (124, 126, 127)

#: What the docker client reads (docs.docker.com, "Environment variables" of the CLI).
VARIABLES = (
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CERT_PATH"),
    *("DOCKER_API_VERSION", "DOCKER_CONFIG"),
)


@dataclass(frozen=True)
class Chosen:
    """An endpoint that the user chose; `by` is `DOCKER_HOST` or the context's name."""

    by: str
    endpoint: str


@dataclass(frozen=True)
class Answer:
    """What an endpoint said; `server` is set where it answers, `detail` where it does not.

    `client` is the version of the client that asked; None where it is not installed, or did not
    start for a reason of its own (`state` is `refused` then): settings that it cannot use.
    """

    state: Literal["answers", "silent", "denied", "refused"]
    server: Version | None = None
    detail: str = ""
    client: Version | None = field(default=None, compare=False)


def ask(host: str | None = None) -> Answer:
    """Ask the endpoint `host`, or the client's own."""
    result = commands.capture(_version_argv(host), timeout=PATIENCE)
    return read_answer(result.out, result.err, installed=result.code not in NOT_RUN)


def read_answer(out: str, err: str, *, installed: bool = True) -> Answer:
    """The answer in the output of `docker version --format '{{json .}}'`.

    `installed`: the client ran at all.
    """
    document = _document(out)
    client, server = (document.get(side) or {} for side in ("Client", "Server"))
    version = versions.parse(str(client.get("Version", "")))
    if server.get("Version"):
        return Answer("answers", server=versions.parse(server["Version"]), client=version)
    # A warning, as of a configuration that cannot be read, is not about the engine.
    lines = [line for line in err.splitlines() if line.strip() and not line.startswith("WARNING")]
    detail = lines[-1].strip() if lines else "no server in its answer"
    if any("permission denied" in line.lower() for line in lines):
        return Answer("denied", detail=detail, client=version)
    # The client speaks by itself, and not about an engine that does not answer.
    fault = not client and installed and "failed to initialize" in err.lower()
    if fault or "client version" in detail:
        return Answer("refused", detail=detail, client=version)
    return Answer("silent", detail=detail, client=version)


def buildx_version(*, remember: bool = False) -> Version | None:
    """The buildx plugin's version; None where it is not installed.

    The question starts the plugin twice, a fifth of a second, so with `remember` the
    answer is kept in `MEMO`, for as long as the plugin's file stays the same.
    """
    stamp = plugin_stamp(plugin_folders(os.environ, home()))
    try:
        known = json.loads(MEMO.read_text(encoding="utf-8"))
        if stamp and known["plugin"] == stamp:
            return Version(known["version"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    result = commands.capture(["docker", "buildx", "version"], timeout=PATIENCE)
    version = versions.first(result.out) if result.code == 0 else None
    if remember and stamp and version:
        with suppress(OSError):
            MEMO.parent.mkdir(parents=True, exist_ok=True)
            MEMO.write_text(json.dumps({"plugin": stamp, "version": str(version)}), "utf-8")
    return version


def plugin_folders(environ: Mapping[str, str], home: Path) -> list[Path]:
    """Where the docker client looks for its plugins, in its order (docker/cli, manager_unix.go)."""
    configuration = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    try:
        text = (configuration / "config.json").read_text(encoding="utf-8")
    except OSError:
        text = ""
    extra = _document(text).get("cliPluginsExtraDirs") or []
    prefixes = ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")
    return [
        configuration / "cli-plugins",
        *map(Path, extra),
        *(Path(prefix, "docker", "cli-plugins") for prefix in prefixes),
    ]


def plugin_stamp(folders: Iterable[Path]) -> list[str | int]:
    """What tells the buildx plugin's file from another one; empty where it is not found."""
    for folder in folders:
        with suppress(OSError):
            path = (folder / "docker-buildx").resolve(strict=True)
            status = path.stat()
            return [str(path), status.st_size, status.st_mtime_ns, status.st_ino]
    return []


def variables(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The variables that are set and that change which engine the client asks, and how."""
    environ = os.environ if environ is None else environ
    return tuple(f"{name}={environ[name]}" for name in VARIABLES if environ.get(name))


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
