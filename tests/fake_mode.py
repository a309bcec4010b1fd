"""A mode that does not exist, added to a copy of the checkout by one row of the table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests import checkout

NAME = "fake"
TITLE = "Fake accelerator"

#: The node of the fake card in a container, and the flags that put one there.
NODE = "dev/fake0"
FLAGS = ("--device", f"/dev/null:/{NODE}")


def row(*nodes: Path) -> dict[str, Any]:
    """The row: its hardware is there where one of these nodes is, or `NODE`."""
    return {
        "name": NAME,
        "title": TITLE,
        "getLlama": "cuda",
        "candidates": [{"name": NAME}],
        "container": {
            "profile": NAME,
            "run": list(FLAGS),
            "remedy": "Give the container the fake card",
        },
        "signs": [{"nodes": [path]} for path in (NODE, *(str(each).lstrip("/") for each in nodes))],
        "watch": [NODE],
        "environment": {},
        "faults": [],
    }


def add(table: Path, *nodes: Path) -> None:
    """Write the row into a table, before the last one."""
    data = json.loads(table.read_text(encoding="utf-8"))
    data["modes"].insert(-1, row(*nodes))
    table.write_text(json.dumps(data, indent=2), encoding="utf-8")


def copy_checkout(folder: Path, nodes: Sequence[Path]) -> Path:
    """A copy of the checkout whose table has the row; nothing else is changed."""
    copy = checkout.copy(folder)
    add(copy / "docker" / "backends.json", *nodes)
    return copy
