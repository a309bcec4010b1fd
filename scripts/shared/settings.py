"""The settings, and where each one came from.

One frozen dataclass holds them all. Each source overrides the one before: the defaults here,
`pyproject.toml [tool.mentator]`, `.env`, `MENTATOR_*` in the environment, flags of the task.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY, cache_home, data_home

PREFIX = "MENTATOR_"

#: Variables with our prefix that speak to the container, to the launcher or to Compose, not to the
#: pipeline.
NOT_SETTINGS = frozenset({"MENTATOR_API_KEY", "MENTATOR_PYTHON", "MENTATOR_TAG"})


def _setting(default: Any, text: str, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"text": text, "choices": choices})


@dataclass(frozen=True)
class Settings:
    """Every setting of the pipeline; an empty text means "not set"."""

    # What is built.
    variant: str = _setting("universal", "which image: with all backends, or with one and the CPU")
    cuda: str = _setting(
        "auto", "where the CUDA backend comes from", ("auto", "prebuilt", "source")
    )
    cuda_archs: tuple[str, ...] = _setting((), "GPU architectures that CUDA must have code for")
    rocm_targets: tuple[str, ...] = _setting(
        ("all",), "GPU targets that ROCm is compiled for; all that the SDK has kernels for"
    )
    node: str = _setting("24", "Node's major version in the image", ("22", "24"))
    bases: str = _setting("auto", "where base images come from", ("auto", "registry", "packages"))
    model: str = _setting("", "default model: a path, a URL, or a name from scripts/model/catalog")
    image: str = _setting("mentator/mentator-llm-service", "the image's repository, without a tag")
    app: str = _setting(
        "", "the application in the image: a folder or a git reference; empty for service/"
    )
    # How it is built.
    platform: str = _setting("", "docker buildx build --platform")
    builder: str = _setting("", "docker buildx build --builder")
    cache_from: tuple[str, ...] = _setting((), "docker buildx build --cache-from (comma-separated)")
    cache_to: tuple[str, ...] = _setting((), "docker buildx build --cache-to (comma-separated)")
    no_cache: bool = _setting(False, "docker buildx build --no-cache")
    output: str = _setting("", "docker buildx build --output; empty loads into the engine")
    progress: str = _setting("auto", "docker buildx build --progress")
    ca_bundle: str = _setting("", "CA bundle for HTTPS inside the build; empty finds the host's")
    # Where it runs and goes.
    registry: str = _setting("docker.io", "the registry that `invoke publish` pushes to")
    backend: str = _setting("auto", "the backend that the container must run on; auto: its choice")
    name: str = _setting("mentator", "the container's name")
    host: str = _setting("127.0.0.1", "the address that the container's port is published on")
    port: int = _setting(19777, "the port on the host")
    data: str = _setting("", "the container's data folder on the host; empty for this user's own")
    # What the pipeline may do and where it keeps things.
    yes: bool = _setting(False, "install and start what is missing without a question")
    engine_dir: str = _setting("", "the project's own engine; empty for this user's")
    cache_dir: str = _setting("", "fetched models and base images; empty for this user's")

    def data_path(self) -> Path:
        """The container's data folder on the host."""
        return Path(self.data).expanduser().resolve() if self.data else data_home() / "data"

    def engine_path(self) -> Path:
        """The folder of the project's own engine."""
        if self.engine_dir:
            return Path(self.engine_dir).expanduser().resolve()
        return data_home() / "engine"

    def cache_path(self) -> Path:
        """The folder for what can be fetched again."""
        if self.cache_dir:
            return Path(self.cache_dir).expanduser().resolve()
        return cache_home()


@dataclass(frozen=True)
class Loaded:
    """The settings in force and, by name, the source of each and the values that it may have."""

    settings: Settings
    origin: Mapping[str, str]
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    root: Path = REPOSITORY,
    environ: Mapping[str, str] | None = None,
    choices: Mapping[str, tuple[str, ...]] | None = None,
) -> Loaded:
    """Read all sources. A flag that is None or an empty tuple was not given.

    `choices` are the values of settings that a table knows and this module does not.

    Raises `UsageError` for an unknown key (it names the nearest known one), a value of the wrong
    kind, a file that cannot be read.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    origin = {spec.name: "default" for spec in dataclasses.fields(Settings)}
    allowed = {spec.name: spec.metadata["choices"] for spec in dataclasses.fields(Settings)}
    allowed |= choices or {}
    sources: list[tuple[str, str, Mapping[str, Any]]] = [
        ("pyproject.toml", "", _from_pyproject(root)),
        (".env", PREFIX, _prefixed(dotenv_values(root / ".env"))),
        ("environment", PREFIX, _prefixed(environ)),
        ("flag", "", {k: v for k, v in (flags or {}).items() if v is not None and v != ()}),
    ]
    for source, prefix, given in sources:
        for key, value in given.items():
            name = _known(key, prefix, source)
            values[name] = _converted(name, value, source, allowed[name])
            origin[name] = source
    return Loaded(Settings(**values), origin, allowed)


def _from_pyproject(root: Path) -> Mapping[str, Any]:
    path = root / "pyproject.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read.", why=str(error)) from None
    section: Mapping[str, Any] = table.get("tool", {}).get("mentator", {})
    return {key.replace("-", "_"): value for key, value in section.items()}


def _prefixed(variables: Mapping[str, str | None]) -> dict[str, str]:
    """The variables with our prefix; an empty one counts as not set."""
    return {
        key: value
        for key, value in variables.items()
        if key.startswith(PREFIX) and key not in NOT_SETTINGS and value
    }


def _known(key: str, prefix: str, source: str) -> str:
    names = [spec.name for spec in dataclasses.fields(Settings)]
    name = key.removeprefix(prefix).lower() if prefix else key
    if name in names:
        return name
    shown = [prefix + known.upper() if prefix else known for known in names]
    nearest = difflib.get_close_matches(key, shown, n=1, cutoff=0.5)
    raise UsageError(
        f"Unknown setting {key} ({source}).",
        next=f"Did you mean {nearest[0]}?" if nearest else "`invoke config` lists the settings.",
    )


def _converted(name: str, value: Any, source: str, choices: tuple[str, ...]) -> Any:
    spec = next(spec for spec in dataclasses.fields(Settings) if spec.name == name)
    default = spec.default
    try:
        if isinstance(default, bool):
            converted: Any = _boolean(value)
        elif isinstance(default, int):
            converted = int(value)
        elif isinstance(default, tuple):
            # Lists of GPU targets are written with semicolons, too, as CMake has them.
            parts = re.split("[,;]", value) if isinstance(value, str) else value
            converted = tuple(str(part).strip() for part in parts if str(part).strip())
        else:
            converted = str(value)
    except (TypeError, ValueError):
        kind = "true or false" if isinstance(default, bool) else f"a {type(default).__name__}"
        raise UsageError(f"{name} = {value!r} ({source}) is not {kind}.") from None
    if choices and converted not in choices:
        raise UsageError(f"{name} = {converted!r} ({source}) is not one of {', '.join(choices)}.")
    if name == "port" and not 1 <= converted <= 65535:
        raise UsageError(f"port = {converted} ({source}) is not between 1 and 65535.")
    return converted


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    word = str(value).strip().lower()
    if word not in words:
        raise ValueError(value)
    return words[word]


def table(loaded: Loaded) -> list[tuple[str, str, str]]:
    """Rows of `invoke config`: name, value, origin."""
    rows = []
    for spec in dataclasses.fields(Settings):
        value = getattr(loaded.settings, spec.name)
        shown = ",".join(value) if isinstance(value, tuple) else str(value)
        rows.append((spec.name, shown, loaded.origin[spec.name]))
    return rows
