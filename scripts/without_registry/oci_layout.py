"""Writes an image as an OCI layout (image-spec 1.1), which any BuildKit builder can take as base.

The stand-ins need no engine and no registry this way, and are the same bytes for the same input.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.shared.errors import UsageError

#: Bytes moved at once.
CHUNK = 1 << 20

#: gzip's speed over size: a stand-in is made once and its layers are pushed rarely.
LEVEL = 6

#: The time of everything in a layout: when it was made is no part of what it is.
EPOCH = "1970-01-01T00:00:00Z"

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Layout:
    """An OCI layout on disk, and its manifest's digest."""

    path: Path
    digest: str

    def context(self) -> str:
        """The value of `--build-context NAME=...` that uses it as a base image."""
        return f"oci-layout://{plain(self.path)}@{self.digest}"


def plain(path: Path) -> Path:
    """The path, or one to the same folder that buildx can read: `@` and `:` end a path there.

    A link in the temporary folder, made where it is missing; its name is that of the target, so
    that all builds use the same one.
    """
    if not set(str(path)) & set("@:"):
        return path
    key = hashlib.sha256(str(path.parent).encode()).hexdigest()[:12]
    link = Path(tempfile.gettempdir()) / f"mentator-{os.getuid()}-{key}"
    with suppress(FileExistsError):
        link.symlink_to(path.parent)
    if link.is_symlink() and link.readlink() == path.parent and not set(str(link)) & set("@:"):
        return link / path.name
    raise UsageError(
        f"{path} cannot be given to buildx: its name holds @ or :, and {link} is in the way.",
        next="Remove that file, or choose another folder with MENTATOR_CACHE_DIR.",
    )


def write(
    target: Path,
    layers: Sequence[tuple[Path, str]],
    *,
    architecture: str = "amd64",
    env: Sequence[str] = (),
) -> Layout:
    """Write `layers` as an image into the new folder `target`.

    Each layer, lowest first, is a tar file and what made it, for `docker history`. The layout is
    written beside the target and renamed at the end: there is a whole one or none.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        (work / "blobs" / "sha256").mkdir(parents=True)
        packed = [_layer(work, layer) for layer, _ in layers]
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Env": list(env), "Cmd": ["sh"]},
            "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in packed]},
            "history": [{"created_by": made_by, "created": EPOCH} for _, made_by in layers],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _blob(work, CONFIG, config),
            "layers": [descriptor for descriptor, _ in packed],
        }
        top = _blob(work, MANIFEST, manifest)
        _json(work / "index.json", {"schemaVersion": 2, "manifests": [top]})
        _json(work / "oci-layout", {"imageLayoutVersion": "1.0.0"})
        work.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Layout(target, top["digest"])


def read(path: Path) -> Layout | None:
    """The layout at `path`, or None where there is none."""
    try:
        index = json.loads((path / "index.json").read_text(encoding="utf-8"))
        return Layout(path, index["manifests"][0]["digest"])
    except FileNotFoundError:
        return None


def _layer(work: Path, tar: Path) -> tuple[dict[str, Any], str]:
    """Compress one tar into the blobs; returns its descriptor and its diff id."""
    plain = hashlib.sha256()
    draft = work / "layer"
    with (
        tar.open("rb") as source,
        draft.open("wb") as out,
        # No name and no time in the header: the same tar gives the same blob.
        gzip.GzipFile("", "wb", LEVEL, out, mtime=0) as packer,
    ):
        while chunk := source.read(CHUNK):
            plain.update(chunk)
            packer.write(chunk)
    with draft.open("rb") as finished:
        digest = hashlib.file_digest(finished, "sha256").hexdigest()
    size = draft.stat().st_size
    draft.rename(work / "blobs" / "sha256" / digest)
    return _descriptor(LAYER, digest, size), f"sha256:{plain.hexdigest()}"


def _blob(work: Path, media_type: str, value: Any) -> dict[str, Any]:
    data = json.dumps(value, sort_keys=True).encode()
    digest = hashlib.sha256(data).hexdigest()
    (work / "blobs" / "sha256" / digest).write_bytes(data)
    return _descriptor(media_type, digest, len(data))


def _descriptor(media_type: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, sort_keys=True), encoding="utf-8")
