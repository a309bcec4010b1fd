"""The image's variants, each a stage `variant-NAME` of the Dockerfile: all modes, or one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scripts.backends import table as backends_table
from scripts.backends.table import Table
from scripts.shared.errors import UsageError

#: The variant with all modes. The plain tags (`latest`, the version) name it; others append theirs.
DEFAULT = "universal"


@dataclass(frozen=True)
class Variant:
    """One variant: its name, and the backends that it can choose from at its start."""

    name: str
    backends: tuple[str, ...]


def variants(table: Table) -> Mapping[str, Variant]:
    """All variants by name: a mode's own holds that mode, and what runs where it cannot."""
    fallback = table.fallback.name
    rows = {DEFAULT: table.names}
    for name in table.names:
        rows[name] = (name,) if name == fallback else (name, fallback)
    return {name: Variant(name, backends) for name, backends in rows.items()}


def names() -> tuple[str, ...]:
    """The variants of the table in force."""
    return tuple(variants(backends_table.read()))


def find(name: str, table: Table | None = None) -> Variant:
    """The variant of that name, of the table in force where none is given.

    Raises `UsageError`, which lists the variants.
    """
    known = variants(table or backends_table.read())
    if name not in known:
        raise UsageError(f"There is no variant {name!r}.", next=f"Choose: {', '.join(known)}.")
    return known[name]


def choices(table: Table) -> Mapping[str, tuple[str, ...]]:
    """The settings whose values are rows of the table, with these values."""
    return {"variant": tuple(variants(table)), "backend": table.demands}
