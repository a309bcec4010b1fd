"""What must hold between the values of the table of backends, beyond the type of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from scripts.backends.json_rows import fault
from scripts.shared.errors import UsageError

if TYPE_CHECKING:
    from scripts.backends.table import Mode, Table

#: Names of modes and candidates: they are parts of paths, tags, stages and variables.
NAME = re.compile(r"[a-z][a-z0-9]*")

#: Words that a mode cannot be called: the free choice, and the variant that holds all modes.
RESERVED = ("auto", "universal")

#: A relative path without `..`; only its last part may be a pattern.
PATH = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))(?:[^/*?\[\]]+/)*(?:[^/*?\[\]]|\*|\[0-9\])+")

#: Who can read the targets of the cards: scripts/host/kfd.py.
CARD_READERS = ("kfd",)


def check(table: Table) -> None:
    """Raise `UsageError` for the first fault."""
    for error in _faults(table):
        raise error


def _faults(table: Table) -> Iterator[UsageError]:
    if not table.modes:
        yield fault("modes", "holds no row")
    for mode in table.modes:
        for key, what in _row_faults(mode):
            yield fault(f"row {mode.name}: {key}", what)
    if table.fallback.signs or table.fallback.candidates:
        yield fault(
            "modes", "must end with the row that needs no hardware (no signs, no candidates)"
        )
    named = {
        "name": table.names,
        "candidates": [each.name for mode in table.modes for each in mode.candidates],
        "container.profile": [mode.container.profile for mode in table.modes],
    }
    for key, names in named.items():
        twice = {name for name in names if list(names).count(name) > 1}
        if twice:
            yield fault(f"rows: {key}", f"has {', '.join(sorted(twice))} twice")
    for n, row in enumerate(table.faults):
        yield from (fault(f"faults[{n}].match", what) for what in _pattern_faults(row.match))


def _row_faults(mode: Mode) -> Iterator[tuple[str, str]]:
    """Key and fault."""
    for name in (mode.name, *(candidate.name for candidate in mode.candidates)):
        if not NAME.fullmatch(name) or name in RESERVED:
            yield "name", f"cannot be {name!r}: small letters and digits, and not {RESERVED}"
    library = mode.library.folders if mode.library else ()
    paths = {"watch": mode.watch, "driverFiles": mode.driver_files, "library.folders": library}
    for n, sign in enumerate(mode.signs):
        paths[f"signs[{n}].nodes"] = sign.nodes
        if bool(sign.tool) == bool(sign.nodes):
            yield f"signs[{n}]", "must have either a tool or nodes"
        if sign.needs_library and mode.library is None:
            yield f"signs[{n}].needsLibrary", "is set, but the row names no library"
        if sign.cards and sign.cards not in CARD_READERS:
            yield f"signs[{n}].cards", f"must be one of {', '.join(CARD_READERS)}"
    for key, values in paths.items():
        for value in values:
            if not PATH.fullmatch(value):
                rule = "without leading slash, with * and [0-9] in its last part only"
                yield key, f"has {value}, which must be a path {rule}"
    for n, row in enumerate(mode.faults):
        for what in _pattern_faults(row.match):
            yield f"faults[{n}].match", what
    if mode.targets is not None:
        yield from (("targets.pattern", what) for what in _pattern_faults((mode.targets.pattern,)))


def _pattern_faults(patterns: tuple[str, ...]) -> Iterator[str]:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"has {pattern!r}, which is not a regular expression: {error}"
