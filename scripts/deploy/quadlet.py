"""Decides the Quadlet, a unit file with which systemd runs the image by Podman (4.7 or newer)."""

from __future__ import annotations

from scripts.deploy.deployment import (
    CAPABILITIES,
    HEALTH,
    STOP_SECONDS,
    VARIABLES,
    Deployment,
)
from scripts.deploy.systemd_unit import FOLDER
from scripts.running.container import DATA, PORT
from scripts.shared.addresses import bracketed

CONTAINER = """\
[Unit]
Description=Mentator: local LLMs ({title})
After=network-online.target
Wants=network-online.target

[Container]
ContainerName={name}
Image={image}
PublishPort={host}:{port}:{inside}
Volume={data}:{target}
EnvironmentFile={folder}/{variables}
ReadOnly=true
Tmpfs=/tmp
DropCapability=all
AddCapability={capabilities}
NoNewPrivileges=true
{devices}HealthCmd={health}
HealthInterval=30s
HealthTimeout=10s
HealthStartPeriod=60s
HealthRetries=3

[Service]
Restart=always
RestartSec=5
# A first start may pull the image.
TimeoutStartSec=infinity
TimeoutStopSec={patience}

[Install]
WantedBy=multi-user.target default.target
"""


def container(deployment: Deployment) -> str:
    """The text of NAME.container. Podman asks for a registry's host, which Docker implies."""
    runtime = deployment.mode.container.engine_runtime
    devices = [f"{runtime.device}=all"] if runtime else []
    return CONTAINER.format(
        title=deployment.mode.title,
        name=deployment.name,
        image=qualified(deployment.image),
        host=bracketed(deployment.host),
        port=deployment.port,
        inside=PORT,
        data=deployment.data,
        target=DATA,
        folder=FOLDER,
        variables=VARIABLES,
        capabilities=" ".join(CAPABILITIES),
        devices="".join(f"AddDevice={name}\n" for name in (*devices, *deployment.devices)),
        health=HEALTH,
        patience=STOP_SECONDS + 15,
    )


def qualified(image: str) -> str:
    """A reference with its registry.

    Docker takes a first part without a dot or a colon, other than localhost, for an account of
    Docker Hub (distribution/reference).
    """
    first, slash, _ = image.partition("/")
    has_host = bool(slash) and (first == "localhost" or "." in first or ":" in first)
    return image if has_host else f"docker.io/{image if slash else f'library/{image}'}"
