"""Stages one model: the build context `model` holds exactly that file and its manifest.

Beside the context (`build/context/model`) lie the record (`model.json`), which saves an unchanged
model from being hashed again, the lock, and, while a model is being placed, its unfinished copy.
"""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from scripts.model import gguf
from scripts.model.place import MODE, How, place
from scripts.shared.errors import ModelInvalid, UsageError
from scripts.shared.file_lock import hold_lock

MANIFEST = "manifest.txt"


@dataclass(frozen=True)
class StagedModel:
    """The model in the context: `size` in bytes, where it is from in words, how it got there."""

    path: Path
    name: str
    sha256: str
    size: int
    source: str
    how: How
    seconds: float


def staged_name(path: Path) -> str:
    """The file's name in the image: plain letters only, since shells and manifests read it."""
    stem = path.name[: -len(".gguf")] if path.name.lower().endswith(".gguf") else path.name
    return (re.sub(r"[^A-Za-z0-9._+-]+", "-", stem).strip("-.") or "model") + ".gguf"


def stage(file: Path, context: Path, *, sha256: str = "", source: str = "") -> StagedModel:
    """Make `context` hold `file` and nothing else but its manifest; `sha256` where it is known.

    The model that was there is removed only once the new one is in place. Raises `ModelInvalid`,
    `NoSpace`, `UsageError` (the context cannot be written).
    """
    began = time.monotonic()
    record = context.with_name(f"{context.name}.json")
    with hold_lock(context.with_name(f".{context.name}.lock"), "which stages a model"):
        try:
            how, found = _stage(file.resolve(), context, record, staged_name(file), sha256)
        except PermissionError as error:
            raise _permission_error(error, file, context) from None
    target = context / staged_name(file)
    return StagedModel(
        path=target,
        name=target.name,
        sha256=found,
        size=target.stat().st_size,
        source=source or str(file),
        how=how,
        seconds=time.monotonic() - began,
    )


def _stage(file: Path, context: Path, record: Path, name: str, sha256: str) -> tuple[How, str]:
    context.mkdir(exist_ok=True)
    target = context / name
    unfinished = context.with_name(f".{context.name}.part")
    unfinished.unlink(missing_ok=True)
    before = _stamp(file)
    known = _staged_sum(record, file, target)
    if known and sha256 in ("", known):
        _tidy(context, target, known)
        return "kept", known
    gguf.check(file)
    how, found = place(file, unfinished, _known_sum(record, file, before))
    if sha256 not in ("", found):
        unfinished.unlink()
        raise ModelInvalid(
            f"{file} is not the model of that name.",
            why=f"Its SHA-256 is {found}, expected {sha256}.",
            next="Remove it, so that it is fetched again, or name it by its path with --model.",
        )
    if _stamp(file) != before:
        unfinished.unlink()
        raise ModelInvalid(
            f"{file} changed while it was staged.",
            next="Run the command again when it no longer changes.",
        )
    record.unlink(missing_ok=True)
    unfinished.replace(target)
    # rename(2) does nothing where both are links to one inode.
    unfinished.unlink(missing_ok=True)
    _tidy(context, target, found)
    stamps = {"source": str(file), "file": before, "staged": _stamp(target), "sha256": found}
    _write(record, json.dumps(stamps, indent=2) + "\n")
    return how, found


def _stamp(path: Path) -> list[int]:
    """What changes when a file does: size in bytes, mtime in ns, inode."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def _staged_sum(record: Path, file: Path, target: Path) -> str:
    """The SHA-256 of the staged file, if it is this file's and neither has changed since."""
    try:
        staged = json.loads(record.read_text(encoding="utf-8"))["staged"]
        same = staged == _stamp(target)
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return _known_sum(record, file, _stamp(file)) if same else ""


def _known_sum(record: Path, file: Path, stamp: list[int]) -> str:
    """The SHA-256 of a source that was staged before and has not changed; empty if unknown."""
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        same = known["source"] == str(file) and known["file"] == stamp
        return str(known["sha256"]) if same else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _tidy(context: Path, target: Path, sha256: str) -> None:
    """Write the manifest, then remove whatever else lies in the context."""
    manifest = context / MANIFEST
    _write(manifest, f"{sha256}  {target.stat().st_size}  {target.name}\n")
    for entry in context.iterdir():
        if entry.name in (target.name, MANIFEST):
            continue
        if entry.is_dir() and not entry.is_symlink():
            raise UsageError(
                f"{entry} lies in the folder of the staged model.",
                next="Remove it: that folder belongs to the pipeline.",
            )
        entry.unlink()


def _write(path: Path, text: str) -> None:
    """Write atomically; the new file waits in the folder above the context, or beside the record.

    Not written again when it is there already.
    """
    try:
        if path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o777 == MODE:
            return
    except (OSError, ValueError):
        pass
    folder = path.parent.parent if path.name == MANIFEST else path.parent
    fresh = folder / f".{path.name}.part"
    fresh.write_text(text, encoding="utf-8")
    fresh.chmod(MODE)
    fresh.replace(path)


def _permission_error(
    error: PermissionError, file: Path, context: Path
) -> ModelInvalid | UsageError:
    if not os.access(file, os.R_OK):
        return ModelInvalid(f"{file} cannot be read.", why=str(error))
    return UsageError(
        f"{context} cannot be written.", why=str(error), next=f"Give it to this user: {context}"
    )
