"""Finds the API key of the service: the variable's, else the one of its configuration file."""

from __future__ import annotations

import json
import re
from pathlib import Path

from scripts.shared.console import warn

#: The service's configuration in its data folder: JSON with comments.
CONFIGURATION = "mentator-llm-service.conf.jsonc"

#: A text, a comment of either kind, or a comma before a closing bracket.
_TOKEN = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?\*/|,(?=\s*[}\]])', re.DOTALL)


def find(given: str, data: Path) -> str:
    """The key to send; empty where none is needed, as far as this can be seen.

    `given` is MENTATOR_API_KEY, which the service prefers, too; `data` is the data folder.
    """
    return given or _of_file(data / CONFIGURATION)


def _of_file(path: Path) -> str:
    """The key of a configuration; empty where there is none, or the file is not usable."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        warn(f"{path} cannot be read, so an API key in it is not known: {error}")
        return ""
    key = from_text(text)
    return key if isinstance(key, str) else ""


def from_text(text: str) -> object:
    """`apiKey` in a configuration's text, else a key of `apiKeys`, an operator's first.

    None where the text cannot be parsed. A key that is given by its SHA-256 is not known here.
    """
    # A comma at an end can follow a comment, so comments go first.
    for _ in range(2):
        text = _TOKEN.sub(lambda found: found[1] or "", text)
    try:
        configuration = json.loads(text)
    except ValueError:
        return None  # the service names file, key and line
    if not isinstance(configuration, dict):
        return None
    return configuration.get("apiKey") or _of_client(configuration.get("apiKeys"))


def _of_client(rows: object) -> object:
    known = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    known = [row for row in known if row.get("key")]
    known.sort(key=lambda row: row.get("operator") is not True)
    return known[0]["key"] if known else None
