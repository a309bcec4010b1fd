"""The settings: each with its default, its text and its choices; `settings_sources` reads them.

One frozen dataclass holds them all. The texts are the helps of the tasks' flags.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.shared import addresses
from scripts.shared.paths import cache_home, data_home, expand


def _setting(
    default: Any, text: str, choices: tuple[str, ...] = (), *, repeatable: bool = False
) -> Any:
    return field(
        default=default, metadata={"text": text, "choices": choices, "repeatable": repeatable}
    )


@dataclass(frozen=True)
class Settings:
    """Every setting of the pipeline; an empty text means "not set"."""

    # What is built.
    variant: str = _setting("universal", "which image")
    cuda: str = _setting(
        "auto", "where the CUDA backend comes from", ("auto", "prebuilt", "source")
    )
    cuda_archs: tuple[str, ...] = _setting(
        (), "GPU architectures that CUDA must have code for, e.g. 90,120"
    )
    rocm_targets: tuple[str, ...] = _setting(
        ("all",), "GPU targets that ROCm is compiled for, e.g. gfx1100,gfx90a, or all"
    )
    node: str = _setting("24", "Node's major version in the image", ("22", "24"))
    bases: str = _setting("auto", "where base images come from", ("auto", "registry", "packages"))
    base_registry: str = _setting(
        "", "a mirror of the base images' registry, e.g. mirror.example:5000 or HOST/FOLDER"
    )
    model: str = _setting("", "the default model in the image: a path, a URL or a name")
    image: str = _setting("mentator/mentator-llm-service", "the image's repository, without a tag")
    app: str = _setting(
        "", "another application: its folder, or a git reference (REPOSITORY.git#REF:FOLDER)"
    )
    # How it is built.
    platform: str = _setting("", "as docker buildx build --platform")
    builder: str = _setting("", "as docker buildx build --builder")
    cache_from: tuple[str, ...] = _setting(
        (), "as docker buildx build --cache-from (repeatable)", repeatable=True
    )
    cache_to: tuple[str, ...] = _setting(
        (), "as docker buildx build --cache-to (repeatable)", repeatable=True
    )
    no_cache: bool = _setting(False, "as docker buildx build --no-cache")
    output: str = _setting(
        "", "as docker buildx build --output, instead of loading into the engine"
    )
    progress: str = _setting("auto", "as docker buildx build --progress")
    ca_bundle: str = _setting("", "CA bundle for HTTPS inside the build; empty finds the host's")
    # Where it runs and goes.
    registry: str = _setting("docker.io", "the registry to push to")
    sign_key: str = _setting(
        "", "the private key (cosign's) that publish signs with, or keyless in a GitHub job"
    )
    backend: str = _setting("auto", "the backend that the container must run on")
    name: str = _setting("mentator", "the container's name")
    host: str = _setting(
        "127.0.0.1", "the address that the port is published on (::1, or 0.0.0.0 for all)"
    )
    port: int = _setting(19777, "the port on this machine")
    data: str = _setting(
        "", "the container's data folder on this machine; empty for this user's own"
    )
    # What the pipeline may do and where it keeps things.
    yes: bool = _setting(False, "install and start what is missing without a question")
    engine_dir: str = _setting("", "the project's own engine; empty for this user's")
    cache_dir: str = _setting("", "fetched models and base images; empty for this user's")

    def address(self) -> str:
        """Where the container's service answers."""
        return addresses.url(self.host, self.port)

    def data_path(self) -> Path:
        """The container's data folder on the host."""
        return expand(self.data).resolve() if self.data else data_home() / "data"

    def engine_path(self) -> Path:
        """The folder of the project's own engine."""
        if self.engine_dir:
            return expand(self.engine_dir).resolve()
        return data_home() / "engine"

    def cache_path(self) -> Path:
        """The folder for what can be fetched again."""
        if self.cache_dir:
            return expand(self.cache_dir).resolve()
        return cache_home()


SPECS = {spec.name: spec for spec in dataclasses.fields(Settings)}


#: Values that settings may have, by name, where a table says so and not this module.
Choices = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Loaded:
    """The settings in force and, by name, the source of each and the values that it may have.

    `warnings` tells what was given and is not used. `container` holds variables for the container
    by name; one of them is the API key, so they are not printed.
    """

    settings: Settings
    origin: Mapping[str, str]
    choices: Choices = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    container: Mapping[str, str] = field(default_factory=dict, repr=False)


def help_text(name: str, choices: Choices | None = None, text: str = "") -> str:
    """What a setting means, with its choices and its default, for the flag of a task.

    `text` takes the place of the setting's own; it may name another default.
    """
    metadata = SPECS[name].metadata
    words = text or str(metadata["text"])
    values = ", ".join((choices or {}).get(name, metadata["choices"]))
    default = "" if is_switch(name) else shown(SPECS[name].default)
    parts = [
        f"one of: {values}" if values else "",
        f"default: {default}" if default and "default" not in words else "",
    ]
    more = "; ".join(part for part in parts if part)
    return f"{words} ({more})" if more else words


def shown(value: Any) -> str:
    """A setting's value as a person writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def is_switch(name: str) -> bool:
    """Whether a setting's flag takes no value."""
    return isinstance(SPECS[name].default, bool)


def is_repeatable(name: str) -> bool:
    """Whether a setting's flag can be given several times, each time with one whole value."""
    return bool(SPECS[name].metadata["repeatable"])
