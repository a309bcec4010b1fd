"""Decides the systemd unit that runs the image with Docker."""

from __future__ import annotations

from scripts.deploy.deployment import CAPABILITIES, STOP_SECONDS, VARIABLES, Deployment
from scripts.running.container import Container, run_argv

#: Where the unit looks for the variables.
FOLDER = "/etc/mentator"

UNIT = """\
[Unit]
Description=Mentator: local LLMs ({title})
Documentation=file://{folder}/{variables}
Requires=docker.service
After=docker.service network-online.target
Wants=network-online.target

[Service]
ExecStartPre=-docker rm --force {name}
ExecStart=docker {run}
ExecStop=docker stop --time {stop} {name}
Restart=always
RestartSec=5
# A first start may pull the image.
TimeoutStartSec=infinity
TimeoutStopSec={patience}

[Install]
WantedBy=multi-user.target
"""


def unit(deployment: Deployment) -> str:
    """The text of NAME.service; `docker` is looked for in systemd's own path."""
    container = Container(
        deployment.image,
        deployment.name,
        str(deployment.data),
        deployment.host,
        deployment.port,
        mode=deployment.mode,
        flags=flags(),
    )
    run, _, *words = run_argv(container)  # in the foreground: systemd watches the client
    return UNIT.format(
        title=deployment.mode.title,
        folder=FOLDER,
        variables=VARIABLES,
        name=deployment.name,
        run=" ".join([run, "--rm", *(_word(word) for word in words)]),
        stop=STOP_SECONDS,
        patience=STOP_SECONDS + 15,
    )


def flags() -> tuple[str, ...]:
    """Flags of `docker run` beside name, port, volume and hardware: the least that it needs."""
    capabilities = [word for name in CAPABILITIES for word in ("--cap-add", name)]
    return (
        *("--read-only", "--tmpfs", "/tmp"),  # noqa: S108 - in the container
        *("--cap-drop", "ALL", *capabilities),
        *("--security-opt", "no-new-privileges"),
        *("--env-file", f"{FOLDER}/{VARIABLES}"),
    )


def _word(text: str) -> str:
    """A word of a command line; `Deployment` has refused what would need more than quotes."""
    return f'"{text}"' if " " in text else text
