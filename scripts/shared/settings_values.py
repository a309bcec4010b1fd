"""Turns the text of one setting into its value, or says why it cannot be one."""

from __future__ import annotations

import re
from typing import Any

from scripts.shared.addresses import is_address
from scripts.shared.errors import UsageError
from scripts.shared.settings import SPECS

#: A host as registries have it: Docker takes a first part without a dot or a port for an account
#: of Docker Hub (distribution/reference, `splitDockerDomain`).
_HOST = (
    r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:)|\[[0-9a-fA-F:]+\])"
    r"(?::\d+)?"
)
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"

#: What a value has to look like, and how that is said; the grammars are Docker's.
FORMS = {
    "image": (
        re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*"),
        "a repository's name: lower case letters, digits, and . _ - / between them, no tag",
    ),
    "registry": (
        re.compile(rf"|{_HOST}(?:/{_PART})*/?"),
        "a registry's host: it has a dot or a port (ghcr.io, myregistry:5000), or is localhost",
    ),
    "name": (
        re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+"),
        "a container's name: two or more letters, digits and _ . -",
    ),
    # `ask` takes a name, too. What looks like an IPv4 address has to be one.
    "host": (
        re.compile(r"(?![\d.]+$)(?!.*\.\.)[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"),
        "an address or a host's name, such as 127.0.0.1 or ::1, without a port",
    ),
}


def convert(name: str, value: Any, source: str, choices: tuple[str, ...]) -> Any:
    """The value of the setting `name`; `source` is where it was given, for the error.

    Raises `UsageError` for a value of the wrong kind, of the wrong form, or not among `choices`.
    """
    shown = f"{name} = {value!r} ({source})"
    default = SPECS[name].default
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
        kind = "true or false" if isinstance(default, bool) else "a whole number"
        raise UsageError(f"{shown} is not {kind}.") from None
    if choices and converted not in choices:
        raise UsageError(f"{shown} is not one of {', '.join(choices)}.")
    if name == "port" and not 1 <= converted <= 65535:
        raise UsageError(f"{shown} is not between 1 and 65535.")
    for text in converted if isinstance(converted, tuple) else (converted,):
        if isinstance(text, str):
            require_no_flag(text, shown)
    if name == "host":
        converted = re.sub(r"^\[(.*:.*)\]$", r"\1", converted)
        if is_address(converted):
            return converted
    if name in FORMS and not FORMS[name][0].fullmatch(converted):
        raise UsageError(f"{shown} is not {FORMS[name][1]}.")
    return converted


def require_no_flag(text: str, shown: str) -> None:
    """Raise `UsageError` for a text that looks like a flag: it would be taken for one later."""
    if text.startswith("-"):
        raise UsageError(
            f"{shown} begins with '-', so it looks like a flag and not like a value.",
            next="A file: write ./ before its name. A text: begin it with a space.",
        )


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError(value)
