"""A download's partial file, and the note beside it that says of what it is a part.

`model.gguf.part` holds the bytes that came, `model.gguf.part.json` the address and the validators
of the file on the server. Both outlive an interruption; without the note the bytes are worthless.
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Origin:
    """The file on the server: address, `ETag` and `Last-Modified` as sent, bytes in all.

    `encoded`: it was sent compressed, so that the bytes here are not those of the server's ranges.
    """

    url: str
    etag: str = ""
    modified: str = ""
    total: int | None = None
    encoded: bool = False

    def matches(self, other: Origin) -> bool:
        """Whether nothing that both name differs: then they are of one and the same file."""
        pairs = (
            (self.etag, other.etag),
            (self.modified, other.modified),
            (self.total, other.total),
        )
        return self.url == other.url and all(a == b for a, b in pairs if a and b)


class Partial:
    """What has come so far of the file that will be `target`."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self.note = target.with_name(target.name + ".part.json")

    def size(self) -> int:
        """Bytes that have come."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def origin(self) -> Origin | None:
        """What the bytes are a part of; None where that is not known."""
        try:
            return Origin(**json.loads(self.note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def begin(self, origin: Origin) -> None:
        """Start from nothing. Emptied first: a note must never describe older bytes."""
        with self.path.open("wb"):
            pass
        fresh = self.note.with_name(self.note.name + "~")
        fresh.write_text(json.dumps(dataclasses.asdict(origin)), encoding="utf-8")
        fresh.replace(self.note)

    def drop(self) -> None:
        """Forget what came."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def finish(self) -> None:
        """Give the complete file its name, once its bytes are on the disk."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.chmod(0o644)
        self.path.replace(self.target)
        self.note.unlink(missing_ok=True)
