"""Is the port free that a container is to publish: asked before an image is built for it."""

from __future__ import annotations

import errno

from scripts.docker_engine import Engine
from scripts.shared import addresses, commands
from scripts.shared.errors import ContainerFailed, UsageError


def require_free(docker: Engine, name: str, host: str, port: int) -> None:
    """Raise where the port cannot be published: the container `name` itself may hold it.

    Raises `UsageError` for an address that this machine does not have, `ContainerFailed` for a port
    in use. An engine on another machine is not judged by the ports of this one.
    """
    fault = addresses.fault(host, port)
    if not fault or not _is_local(docker):
        return
    if fault == errno.EADDRNOTAVAIL:
        raise UsageError(
            f"This machine has no address {host}.",
            next="127.0.0.1 is this machine alone, 0.0.0.0 is all of its addresses.",
        )
    held = commands.capture(docker.argv("container", "port", name)).out
    if any(line.endswith(f":{port}") for line in held.splitlines()):
        return
    form = ("--format", "{{.Names}}")
    others = commands.capture(docker.argv("ps", "--filter", f"publish={port}", *form)).out.split()
    raise ContainerFailed(
        f"Port {port} on {host} is in use.",
        why=f"The container {others[0]} publishes it." if others else "Another program has it.",
        next="Choose another port with --port (or MENTATOR_PORT).",
    )


def _is_local(docker: Engine) -> bool:
    """Whether the engine is on this machine: its socket is a file, or Windows' named pipe."""
    form = ("--format", "{{.Endpoints.docker.Host}}")
    endpoint = docker.host or commands.capture(docker.argv("context", "inspect", *form)).out
    return endpoint.strip().startswith(("unix://", "npipe://"))
