"""What is deployed: the image, its hardware and its place on the machine; what all files share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from scripts.backends.table import Mode
from scripts.host.surface import devices_in
from scripts.shared.errors import UsageError

#: The file with the variables for the container, beside the others.
VARIABLES = "mentator.env"

#: The capabilities of a start as root: the entrypoint gives the data folder to its user, becomes
#: that user, and has none afterwards (docker/start-docker.sh).
CAPABILITIES = ("CHOWN", "SETGID", "SETUID")

#: Seconds from SIGTERM to SIGKILL: the service ends within 8 (service/src/app.ts).
STOP_SECONDS = 15

#: The image's own check, for engines that keep none from the image.
HEALTH = "node /opt/mentator/healthcheck.mjs"

#: Variables that the container reads, as README.md has them, for the file's reader to set.
KNOWN = ("MENTATOR_API_KEY", "MENTATOR_MODELS", "HF_TOKEN", "HF_ENDPOINT", "TZ")

#: Characters that a unit file, Compose or `--volume` gives a meaning.
SPECIAL = re.compile(r"[\x00-\x1f\x7f:\"'\\%$]")

#: What Docker and Compose read alike after `NAME=`.
PLAIN_VALUE = re.compile(r"[^\s\"'\\$`#](?:[^\r\n\"'\\$`]*[^\s\"'\\$`])?")


@dataclass(frozen=True)
class Deployment:
    """One container on one machine.

    `image` is a reference with its tag, `data` a folder of the machine, `host` an address. `demand`
    is the backend that must be used, or empty. `variables` are passed on to the container.
    """

    image: str
    mode: Mode
    name: str
    data: PurePosixPath
    host: str
    port: int
    demand: str = ""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.data.is_absolute() or SPECIAL.search(str(self.data)):
            raise UsageError(
                f"data = {str(self.data)!r} cannot stand in these files.",
                why="It needs an absolute path without : \" ' \\ % $ and control characters.",
                next="Name another folder with --data.",
            )
        for name, value in self.variables.items():
            if value and (not PLAIN_VALUE.fullmatch(value) or " #" in value):
                raise UsageError(
                    f"The value of {name} cannot stand in {VARIABLES}.",
                    why="Docker, Podman and Compose read quotes, $, \\ and spaces at its ends "
                    "differently.",
                    next=f"Unset {name} here, and write it into the file by hand.",
                )

    @property
    def devices(self) -> tuple[str, ...]:
        """Device nodes and folders of the machine that the container is given."""
        return devices_in(self.mode.container.run)


def variables_file(deployment: Deployment) -> str:
    """The variables, one a line; those that are not set are comments."""
    demand = {"MENTATOR_BACKEND": deployment.demand} if deployment.demand else {}
    given = {**demand, **{name: text for name, text in deployment.variables.items() if text}}
    lines = ["# Variables of the container; README.md explains them. Keep this file to its owner."]
    lines += [f"{name}={value}" for name, value in given.items()]
    lines += [f"#{name}=" for name in KNOWN if name not in given]
    return "\n".join(lines) + "\n"
