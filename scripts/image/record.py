"""The records that one step leaves for the next, as JSON files below `build/`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from scripts.shared.errors import ImageMissing
from scripts.shared.paths import BUILD
from scripts.shared.task_command import task_command

#: What `invoke build` made: digest, tags, bases, model, sizes, timings.
IMAGE = BUILD / "image.json"

#: What the smoke tests found: digest and result for each kind of hardware.
SMOKE = BUILD / "smoke.json"


def write(path: Path, record: Any) -> None:
    """Write a record whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any]:
    """Read a record; an empty one where there is none, or none that can be read."""
    try:
        record: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def image() -> dict[str, Any]:
    """The record of the image built last. Raises `ImageMissing` where there is none."""
    record = read(IMAGE)
    if not record.get("digest"):
        raise ImageMissing("No image was built yet.", next=f"Run `{task_command('build')}`.")
    return record
