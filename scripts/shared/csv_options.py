"""Values of options that the docker client reads as CSV, such as `--mount` and `--secret`."""

from __future__ import annotations


def csv_field(text: str) -> str:
    """A field of an option that the client reads as CSV, quoted where a comma or quote needs it."""
    if not set(text) & set(',"\n'):
        return text
    return '"' + text.replace('"', '""') + '"'
