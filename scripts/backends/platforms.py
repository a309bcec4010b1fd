"""The platforms that an image can be built for: the table, and the choice of one.

Everything in the image is made for the same platform: node-llama-cpp's prebuilt packages, the
backends that are compiled, the stand-ins for base images.
"""

from __future__ import annotations

from collections.abc import Mapping

from scripts.shared.errors import UsageError

#: As docker writes them. Another one needs its prebuilt packages in `package_json.PREBUILTS` and in
#: docker/Dockerfile, Node's package in docker/bases/pins.json, and a build that was tried.
PLATFORMS = ("linux/amd64",)

#: The variable from which the docker client takes `--platform` where it is not given.
VARIABLE = "DOCKER_DEFAULT_PLATFORM"

#: Other words for an architecture (containerd's platforms.Normalize).
SYNONYMS = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}


def choose(setting: str, environ: Mapping[str, str]) -> str:
    """The platform to build for: the setting's, the variable's, or the first of the table.

    It is always named to buildx, which takes the engine's own otherwise: on an ARM machine the
    image would hold x86-64 files under a label of ARM. Raises `UsageError` for any other one.
    """
    given, source = setting, f"--platform {setting}"
    if not setting:
        given = environ.get(VARIABLE, "")
        source = f"{VARIABLE}={given}"
    if not given:
        return PLATFORMS[0]
    if (chosen := normalize(given)) in PLATFORMS:
        return chosen
    raise UsageError(
        f"No image can be built for {source}.",
        why=f"Its backends and base images are made for {', '.join(PLATFORMS)} only.",
        next="Leave --platform out."
        if setting
        else f"Unset {VARIABLE}, or give --platform {PLATFORMS[0]}.",
    )


def normalize(platform: str) -> str:
    """A platform as docker writes it: `x86_64` and `Linux/AMD64/v1` are `linux/amd64`."""
    system, _, rest = platform.strip().lower().partition("/")
    if not rest:
        system, rest = "linux", system
    architecture, _, variant = rest.partition("/")
    architecture = SYNONYMS.get(architecture, architecture)
    if variant and (architecture, variant) != ("amd64", "v1"):
        architecture = f"{architecture}/{variant}"
    return f"{system}/{architecture}"
