"""Reads the settings, and where each one came from.

Each source overrides the one before: the defaults, `pyproject.toml [tool.mentator]`, `.env`,
`MENTATOR_*` in the environment, flags of the task.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY
from scripts.shared.settings import SPECS, Choices, Loaded, Settings
from scripts.shared.settings_values import convert
from scripts.shared.task_command import task_command

PREFIX = "MENTATOR_"

#: Variables that `up` passes on to the container, as Compose does.
CONTAINER = (
    *("MENTATOR_API_KEY", "MENTATOR_PROBE_TIMEOUT", "MENTATOR_BARRIER", "TZ"),
    *("HSA_OVERRIDE_GFX_VERSION", "HIP_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES"),
)

#: Variables with our prefix that are not settings: for the container, the launcher or Compose.
NOT_SETTINGS = frozenset(
    {name for name in CONTAINER if name.startswith(PREFIX)} | {"MENTATOR_PYTHON", "MENTATOR_TAG"}
)

#: What Kubernetes sets in every pod beside a service named `mentator` or `mentator-...`
#: (kubernetes.io, "Environment variables" of a Service), and where one is a setting's name, too.
OF_KUBERNETES = re.compile(
    r"MENTATOR_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)"
)
ADDRESS = re.compile(r"(tcp|udp|sctp)://")


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    root: Path = REPOSITORY,
    environ: Mapping[str, str] | None = None,
    choices: Choices | None = None,
    lenient: bool = False,
) -> Loaded:
    """Read all sources. A flag that is None or an empty tuple was not given.

    `choices` are the values of settings that a table knows and this module does not. An unknown
    variable becomes a warning. With `lenient` so does a value that cannot be used, other than a
    flag's: the setting keeps what the sources before gave it.

    Raises `UsageError` for an unknown key of `pyproject.toml` (it names the nearest known one), a
    value of the wrong kind, a file that cannot be read.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    warnings: list[str] = []
    origin = dict.fromkeys(SPECS, "default")
    allowed = {name: spec.metadata["choices"] for name, spec in SPECS.items()}
    allowed.update(choices or {})
    file = {key: value for key, value in _from_dotenv(root).items() if value}
    sources: list[tuple[str, str, Mapping[str, Any]]] = [
        ("pyproject.toml", "", _from_pyproject(root)),
        (".env", PREFIX, _with_prefix(file)),
        ("environment", PREFIX, _with_prefix(environ)),
        ("flag", "", {k: v for k, v in (flags or {}).items() if v is not None and v != ()}),
    ]
    for source, prefix, given in sources:
        for key, value in given.items():
            name = key.removeprefix(prefix).lower()
            if name not in SPECS:
                warnings.append(_unknown(key, prefix, source))
                continue
            try:
                values[name] = convert(name, value, source, allowed[name])
            except UsageError as error:
                if not lenient or source == "flag":
                    raise
                warnings.append(f"{error.what} It is not used.")
                continue
            origin[name] = source
    passed = {name: text for name in CONTAINER if (text := environ.get(name) or file.get(name))}
    return Loaded(Settings(**values), origin, allowed, tuple(warnings), passed)


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


def _from_dotenv(root: Path) -> Mapping[str, str | None]:
    path = root / ".env"
    try:
        return dotenv_values(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read.", why=str(error)) from None


def _with_prefix(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that may be settings; an empty one counts as not set."""
    return {
        key: value
        for key, value in variables.items()
        if key.startswith(PREFIX)
        and value
        and key not in NOT_SETTINGS
        and not OF_KUBERNETES.fullmatch(key)
        and not (key.endswith("PORT") and ADDRESS.match(value))
    }


def _unknown(key: str, prefix: str, source: str) -> str:
    """The warning about a variable that is not known; raises for a key of a file of the project."""
    known = [name.upper() for name in SPECS] if prefix else list(SPECS)
    nearest = difflib.get_close_matches(key.removeprefix(prefix), known, n=1, cutoff=0.5)
    what = f"Unknown setting {key} ({source})"
    hint = (
        f"Did you mean {prefix}{nearest[0]}?"
        if nearest
        else f"`{task_command('config')}` lists the settings."
    )
    if not prefix:
        raise UsageError(f"{what}.", next=hint)
    return f"{what}, it has no effect. {hint}"
