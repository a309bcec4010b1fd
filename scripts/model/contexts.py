"""The build contexts of models: a folder for each model and name, kept as long as a build uses it.

Two builds in one checkout would else change the folder under each other: BuildKit reads it long
after it was staged. All lie in `build/context/`, and are removed when no build runs.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.shared.checksum import sha256_of
from scripts.shared.errors import ModelMissing
from scripts.shared.file_lock import hold_lock, try_lock
from scripts.shared.task_command import task_command

#: Held in common by all builds of a checkout, and alone by the one that removes old models.
IN_USE = ".in-use.lock"


@dataclass(frozen=True)
class Sum:
    """A file's SHA-256, and what the file's `stamp` was when it was read."""

    sha256: str
    stamp: list[int]


def manifest(sha256: str, size: int, name: str) -> str:
    """The manifest of a context: the model's sum, its size in bytes, its name in the image."""
    return f"{sha256}  {size}  {name}\n"


def folder(root: Path, sha256: str, size: int, name: str) -> Path:
    """The context of a model: named by what it holds."""
    key = hashlib.sha256(manifest(sha256, size, name).encode()).hexdigest()[:12]
    return root / f"model-{key}"


def stamp(path: Path) -> list[int]:
    """What changes when a file does: size in bytes, mtime in ns, inode."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def sum_of(file: Path, root: Path) -> Sum:
    """The file's sum: out of the record of a context that was made of it, or else read now."""
    file = file.resolve()
    before = stamp(file)
    for record in root.glob("model-*.json"):
        if known := recorded_sum(record, file, before):
            return Sum(known, before)
    return Sum(sha256_of(file, f"Checking {file.name}"), before)


def recorded_sum(record: Path, file: Path, now: list[int]) -> str:
    """The SHA-256 of a source that was staged before and has not changed; empty if unknown."""
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        same = known["source"] == str(file) and known["file"] == now
        return str(known["sha256"]) if same else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def latest(root: Path) -> Path:
    """The context that was staged last. Raises `ModelMissing` where there is none."""
    folders = [entry for entry in root.glob("model-*") if entry.is_dir()]
    if not folders:
        raise ModelMissing("No model is staged.", next=f"Run `{task_command('build')}`.")
    return max(folders, key=lambda entry: entry.stat().st_mtime_ns)


@contextmanager
def in_use(root: Path) -> Iterator[None]:
    """Keep every context in `root` for as long as this lasts."""
    with hold_lock(root / IN_USE, "which removes models of earlier builds", shared=True):
        yield


def prune(root: Path, keep: Path) -> None:
    """Remove all contexts but `keep`, and what ended builds left, unless a build runs."""
    with try_lock(root / IN_USE) as alone:
        if not alone:
            return
        for entry in root.iterdir():
            if entry.name == IN_USE or entry.name.lstrip(".").partition(".")[0] == keep.name:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
