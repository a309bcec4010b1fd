"""The record of one run on real hardware, and its place in docs/hardware.md."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.shared.errors import PipelineError, UsageError

#: The heading that the records stand under: a table, then the commands of each.
HEADING = "## Records"

#: The row that stands there as long as there is no record.
NONE_YET = "| none yet |"


@dataclass(frozen=True)
class Record:
    """What a smoke test on a card has measured; speeds are tokens/s of one generation."""

    day: str
    card: str
    driver: str
    digest: str
    backend: str
    layers: str
    card_speed: float
    cpu_speed: float
    first_token_ms: float
    model: str
    commands: Sequence[str]


def row(record: Record) -> str:
    """Its row in the table."""
    cells = (
        record.day,
        record.card,
        record.driver,
        record.digest.removeprefix("sha256:")[:12],
        record.backend,
        record.layers,
        f"{record.card_speed:.1f}",
        f"{record.cpu_speed:.1f}",
        f"{record.first_token_ms:.0f}",
    )
    # A name with a line break or a bar would break the table.
    return f"| {' | '.join(' '.join(cell.split()).replace('|', '/') for cell in cells)} |"


def section(record: Record) -> str:
    """What else is to be known, to repeat it."""
    lines = [
        f"### {record.day}, {record.card}",
        "",
        f"Image {record.digest}, model {record.model}.",
        "",
        "```sh",
        *record.commands,
        "```",
    ]
    return "\n".join(lines)


def insert(text: str, record: Record) -> str:
    """The document with a record more, the newest first; `UsageError` where it has no table."""
    lines = text.splitlines()
    try:
        start = lines.index(HEADING)
        rule = next(n for n in range(start, len(lines)) if lines[n].startswith("|---"))
    except (ValueError, StopIteration):
        raise UsageError(
            f"There is no table under {HEADING!r} to put a record into.",
            next="Name docs/hardware.md, or a copy of it.",
        ) from None
    rows = [line for line in lines[rule + 1 :] if not line.startswith(NONE_YET)]
    end = next((n for n, line in enumerate(rows) if not line.startswith("|")), len(rows))
    parts = [*lines[: rule + 1], row(record), *rows[:end], "", section(record), *rows[end:]]
    return "\n".join(parts).rstrip("\n") + "\n"


def main(document: Path, made: Path) -> None:
    """Add the record.json of deploy/record-in-chroot.py to the document."""
    text = document.read_text(encoding="utf-8")
    try:
        record = Record(**json.loads(made.read_text(encoding="utf-8")))
        text = insert(text, record)
    except (TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{made} is not a record: {error}.", next="Name the record.json of record-in-chroot.py."
        ) from error
    document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.hardware_record")
    parser.add_argument("document", type=Path, help="docs/hardware.md")
    parser.add_argument("record", type=Path, help="the record.json of record-in-chroot.py")
    named = parser.parse_args()
    try:
        main(named.document, named.record)
    except (PipelineError, OSError) as error:
        sys.exit(error.message() if isinstance(error, PipelineError) else f"error: {error}")
