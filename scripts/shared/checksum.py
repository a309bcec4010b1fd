"""SHA-256 of large files, with a bar."""

from __future__ import annotations

import hashlib
from pathlib import Path

from scripts.shared.console import byte_bar

#: Bytes a read; larger ones gain nothing.
CHUNK = 4 * 1024 * 1024


def sha256_of(path: Path, what: str) -> str:
    """The file's SHA-256, in hex; `what` is being done is the bar's text."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(CHUNK))
    with path.open("rb", buffering=0) as file, byte_bar(what, path.stat().st_size) as advance:
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
            advance(count)
    return digest.hexdigest()
