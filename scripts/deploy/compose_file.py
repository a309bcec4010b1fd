"""Decides the Compose file for one machine: its hardware is in it, so it needs no profile."""

from __future__ import annotations

import json

from scripts.deploy.deployment import CAPABILITIES, STOP_SECONDS, VARIABLES, Deployment
from scripts.running.container import DATA, PORT
from scripts.shared.addresses import bracketed

FILE = """\
# docker compose up --detach
name: {project}
services:
  mentator:
    image: {image}
    container_name: {name}
    restart: unless-stopped
    stop_grace_period: {stop}s
    ports:
      - {port}
    env_file:
      - {variables}
    volumes:
      - type: bind
        source: {data}
        target: {target}
        bind:
          create_host_path: true
    read_only: true
    tmpfs:
      - /tmp
    # The start gives the data folder to its user, becomes that user, and keeps none of these.
    cap_drop:
      - ALL
    cap_add:
{capabilities}
    security_opt:
      - no-new-privileges:true
{hardware}"""

RUNTIME = """\
    deploy:
      resources:
        reservations:
          devices:
            - driver: {driver}
              count: all
              capabilities: [gpu]
"""


def compose(deployment: Deployment) -> str:
    """The text of compose.yaml; every text of the deployment is quoted."""
    runtime = deployment.mode.container.engine_runtime
    hardware = RUNTIME.format(driver=_quoted(runtime.name)) if runtime else ""
    if deployment.devices:
        nodes = "".join(f"      - {_quoted(path)}\n" for path in deployment.devices)
        hardware += f"    devices:\n{nodes}"
    return FILE.format(
        # A project's name has no capitals and no dots.
        project="".join(c if c.isalnum() or c in "_-" else "-" for c in deployment.name.lower()),
        image=_quoted(deployment.image),
        name=_quoted(deployment.name),
        stop=STOP_SECONDS,
        port=_quoted(f"{bracketed(deployment.host)}:{deployment.port}:{PORT}"),
        variables=VARIABLES,
        data=_quoted(str(deployment.data)),
        target=DATA,
        capabilities="\n".join(f"      - {name}" for name in CAPABILITIES),
        hardware=hardware,
    )


def _quoted(text: str) -> str:
    """A text of JSON is one of YAML. `Deployment` has refused $, which Compose would replace."""
    return json.dumps(text, ensure_ascii=False)
