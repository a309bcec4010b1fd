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

PREFIX = "MENTATOR_"

#: Variables with our prefix that speak to the container, to the launcher or to Compose, not to the
#: pipeline.
NOT_SETTINGS = frozenset({"MENTATOR_API_KEY", "MENTATOR_PYTHON", "MENTATOR_TAG"})


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    root: Path = REPOSITORY,
    environ: Mapping[str, str] | None = None,
    choices: Choices | None = None,
) -> Loaded:
    """Read all sources. A flag that is None or an empty tuple was not given.

    `choices` are the values of settings that a table knows and this module does not.

    Raises `UsageError` for an unknown key (it names the nearest known one), a value of the wrong
    kind, a file that cannot be read.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    origin = dict.fromkeys(SPECS, "default")
    allowed = {name: spec.metadata["choices"] for name, spec in SPECS.items()}
    allowed.update(choices or {})
    sources: list[tuple[str, str, Mapping[str, Any]]] = [
        ("pyproject.toml", "", _from_pyproject(root)),
        (".env", PREFIX, _with_prefix(dotenv_values(root / ".env"))),
        ("environment", PREFIX, _with_prefix(environ)),
        ("flag", "", {k: v for k, v in (flags or {}).items() if v is not None and v != ()}),
    ]
    for source, prefix, given in sources:
        for key, value in given.items():
            name = _known(key, prefix, source)
            values[name] = _convert(name, value, source, allowed[name])
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


def _with_prefix(variables: Mapping[str, str | None]) -> dict[str, str]:
    """The variables with our prefix; an empty one counts as not set."""
    return {
        key: value
        for key, value in variables.items()
        if key.startswith(PREFIX) and key not in NOT_SETTINGS and value
    }


def _known(key: str, prefix: str, source: str) -> str:
    name = key.removeprefix(prefix).lower() if prefix else key
    if name in SPECS:
        return name
    shown = [prefix + known.upper() if prefix else known for known in SPECS]
    nearest = difflib.get_close_matches(key, shown, n=1, cutoff=0.5)
    raise UsageError(
        f"Unknown setting {key} ({source}).",
        next=f"Did you mean {nearest[0]}?" if nearest else "`invoke config` lists the settings.",
    )


def _convert(name: str, value: Any, source: str, choices: tuple[str, ...]) -> Any:
    spec = SPECS[name]
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
    word = str(value).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError(value)
