"""Stages one model: the build context `model` holds exactly that file and its manifest.

Beside the context (`build/context/model-KEY`) lie the record (`model-KEY.json`), which saves an
unchanged model from being hashed again, the lock, and, while a model is being placed, its
unfinished copy.
"""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from scripts.model import gguf
from scripts.model.contexts import Sum, manifest, recorded_sum, stamp
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


def stage(
    file: Path, context: Path, *, sha256: str = "", known: Sum | None = None, source: str = ""
) -> StagedModel:
    """Make `context` hold `file` and nothing else but its manifest; `sha256` is the expected sum.

    `known` is a sum that was read before: the file is not read again while its stamp is the same.

    The model that was there is removed only once the new one is in place. Raises `ModelInvalid`,
    `NoSpace`, `UsageError` (the context cannot be written).
    """
    began = time.monotonic()
    record = context.with_name(f"{context.name}.json")
    target = context / staged_name(file)
    with hold_lock(context.with_name(f".{context.name}.lock"), "which stages a model"):
        try:
            how, found = _stage(file.resolve(), target, record, sha256, known)
        except PermissionError as error:
            raise _permission_error(error, file, context) from None
    return StagedModel(
        path=target,
        name=target.name,
        sha256=found,
        size=target.stat().st_size,
        source=source or str(file),
        how=how,
        seconds=time.monotonic() - began,
    )


def _stage(
    file: Path, target: Path, record: Path, sha256: str, read_before: Sum | None
) -> tuple[How, str]:
    context = target.parent
    context.mkdir(exist_ok=True)
    unfinished = context.with_name(f".{context.name}.part")
    unfinished.unlink(missing_ok=True)
    before = stamp(file)
    known = _staged_sum(record, file, target)
    if known and sha256 in ("", known):
        _tidy(context, target, known)
        return "kept", known
    gguf.check(file)
    known = recorded_sum(record, file, before)
    if read_before and read_before.stamp == before:
        known = read_before.sha256
    how, found = place(file, unfinished, known)
    if sha256 not in ("", found):
        unfinished.unlink()
        raise ModelInvalid(
            f"{file} is not the model of that name.",
            why=f"Its SHA-256 is {found}, expected {sha256}.",
            next="Remove it, so that it is fetched again, or name it by its path with --model.",
        )
    if stamp(file) != before:
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
    stamps = {"source": str(file), "file": before, "staged": stamp(target), "sha256": found}
    _write(record, json.dumps(stamps, indent=2) + "\n")
    return how, found


def _staged_sum(record: Path, file: Path, target: Path) -> str:
    """The SHA-256 of the staged file, if it is this file's and neither has changed since."""
    try:
        staged = json.loads(record.read_text(encoding="utf-8"))["staged"]
        same = staged == stamp(target)
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return recorded_sum(record, file, stamp(file)) if same else ""


def _tidy(context: Path, target: Path, sha256: str) -> None:
    """Write the manifest, then remove whatever else lies in the context."""
    _write(context / MANIFEST, manifest(sha256, target.stat().st_size, target.name))
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
    inside = path.name == MANIFEST
    fresh = (
        path.parent.with_name(f".{path.parent.name}.manifest.part")
        if inside
        else path.with_name(f".{path.name}.part")
    )
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
