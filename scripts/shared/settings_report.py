"""The settings in force as the task `config` shows them: for a person, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from scripts.shared.errors import UsageError
from scripts.shared.settings import SPECS, Loaded, Settings, help_text, shown
from scripts.shared.settings_sources import PREFIX

#: Settings that name a folder, or have one by default.
FOLDERS = {
    "data": Settings.data_path,
    "engine_dir": Settings.engine_path,
    "cache_dir": Settings.cache_path,
}

#: What of the container's variables is never shown.
SECRET = {"MENTATOR_API_KEY", "HF_TOKEN"}


def rows(loaded: Loaded, found: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """One row a setting: its value in force, where that came from, what it means and may be.

    `found` holds values of settings that were not set, as this machine has them.
    """
    found = found or {}
    return [
        {
            "name": name,
            "value": found.get(name) or effective(name, loaded.settings),
            "origin": loaded.origin[name],
            "variable": PREFIX + name.upper(),
            "choices": list(loaded.choices[name]),
            "meaning": spec.metadata["text"],
        }
        for name, spec in SPECS.items()
    ]


def effective(name: str, settings: Settings) -> Any:
    """The value that is used: a folder in full; as it was given where that cannot be resolved."""
    value = getattr(settings, name)
    if name in FOLDERS:
        try:
            return str(FOLDERS[name](settings))
        except UsageError:  # no home folder: the task that needs it will say so
            return value
    return value


def report(loaded: Loaded, *, found: Mapping[str, str] | None = None, as_json: bool = False) -> str:
    """All rows, then what is passed on to the container; a JSON object, or a line each."""
    table = rows(loaded, found)
    passed = {
        name: "set, not shown" if name in SECRET else value
        for name, value in loaded.container.items()
    }
    if as_json:
        return json.dumps({"settings": table, "container": passed}, indent=2)
    width = max(len(row["name"]) for row in table)
    lines = [
        f"{row['name']:{width}}  {shown(row['value']) or '-'}  ({row['origin']})  "
        f"{help_text(row['name'], loaded.choices)}"
        for row in table
    ]
    lines += [f"{name}  {value}  (passed on to the container)" for name, value in passed.items()]
    return "\n".join(lines)
