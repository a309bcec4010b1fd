"""The one table of backends, docker/backends.json, typed: a row a mode, a way to compute.

What a mode is called, where its hardware is seen, what a container is given, what is compiled:
everything that the pipeline knows of a vendor is read from here. The entrypoint and the service
read a copy of the same file in the image. docs/add-a-backend.md explains each key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, ValidationError, convert

from scripts.backends.expressions import Expression, compile_expression
from scripts.backends.row import AUTO, Row
from scripts.backends.rows import Fault, Mode
from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY

__all__ = ["AUTO", "FILE", "Mode", "Table", "read"]

FILE = REPOSITORY / "docker" / "backends.json"


class Table(Row, frozen=True):
    """All rows, in the order of preference; the last one needs no hardware."""

    about: str
    modes: Annotated[tuple[Mode, ...], Meta(min_length=1)]
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        if self.fallback.signs or self.fallback.candidates:
            raise ValueError("The last row must have no signs and no candidates")
        _check_unique("name", self.names)
        _check_unique("candidates", [one.name for mode in self.modes for one in mode.candidates])
        _check_unique("container.profile", [mode.container.profile for mode in self.modes])

    @property
    def names(self) -> tuple[str, ...]:
        """The modes' names."""
        return tuple(mode.name for mode in self.modes)

    @property
    def demands(self) -> tuple[str, ...]:
        """What `MENTATOR_BACKEND` may be."""
        return (AUTO, *self.names)

    @property
    def fallback(self) -> Mode:
        """The row that every machine can run: the CPU."""
        return self.modes[-1]

    def mode(self, name: str) -> Mode:
        """The row of that name. Raises `UsageError`, which lists the rows."""
        for mode in self.modes:
            if mode.name == name:
                return mode
        raise UsageError(
            f"There is no backend {name!r}.", next=f"Choose: {', '.join(self.demands)}."
        )


@cache
def read(path: Path = FILE) -> Table:
    """The table in a file. Raises `UsageError`, which names the row and the key of a fault."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read.", why=str(error)) from None
    try:
        return convert(data, Table, dec_hook=_expression)
    except ValidationError as error:
        raise UsageError(
            f"docker/backends.json: {_in_words(str(error), data)}.",
            next="Correct the file; docs/add-a-backend.md explains each key.",
        ) from None


def _in_words(text: str, data: Any) -> str:
    """An error with `row cuda` for `$.modes[0]`, and without our regular expressions."""

    def name(match: re.Match[str]) -> str:
        row = data["modes"][int(match[1])]
        return f"row {row['name']}" if isinstance(row, dict) and "name" in row else match[0]

    text = re.sub(" matching regex '.*'", " by the table's rules for names and paths", text)
    return re.sub(r"\$\.modes\[(\d+)\]", name, text)


def _expression(_: type, text: str) -> Expression:
    return compile_expression(text)


def _check_unique(key: str, names: Sequence[str]) -> None:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"The rows' {key} has {', '.join(sorted(twice))} twice")
