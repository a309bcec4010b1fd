"""The sizes of an image: total and by layer, unpacked and as a registry stores it."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from scripts.docker_engine import Engine
from scripts.shared import commands
from scripts.shared.console import size

#: Bytes; JSON documents of an image are smaller, layers are larger or do not parse.
JSON_LIMIT = 1 << 20


@dataclass(frozen=True)
class Layer:
    """One layer: sizes in bytes; `compressed` is None where the engine does not keep it so."""

    created_by: str
    unpacked: int
    compressed: int | None


@dataclass(frozen=True)
class Sizes:
    """The layers of an image, lowest first."""

    layers: tuple[Layer, ...]

    @property
    def unpacked(self) -> int:
        """Bytes on disk when all layers are unpacked."""
        return sum(layer.unpacked for layer in self.layers)

    @property
    def compressed(self) -> int | None:
        """Bytes that a pull moves; None where the engine does not keep layers compressed."""
        known = [layer.compressed for layer in self.layers if layer.compressed is not None]
        return sum(known) if len(known) == len(self.layers) else None

    def record(self) -> dict[str, Any]:
        """The sizes as they stand in `build/image.json`."""
        return {
            "unpacked_bytes": self.unpacked,
            "compressed_bytes": self.compressed,
            "layers": [asdict(layer) for layer in self.layers],
        }


def from_record(record: dict[str, Any]) -> Sizes:
    """The sizes out of what `Sizes.record` gave."""
    return Sizes(tuple(Layer(**layer) for layer in record["layers"]))


def measure(engine: Engine, image: str) -> Sizes:
    """Ask the engine for an image's layers."""
    history = commands.check(
        engine.argv("history", "--no-trunc", "--human=false", "--format", "{{json .}}", image)
    )
    rows = [json.loads(line) for line in history.splitlines()]
    documents = _documents(engine, image)
    return combine(rows, documents)


def combine(history: list[dict[str, Any]], documents: dict[str, Any]) -> Sizes:
    """Join `docker history` (newest first) with the manifest's layers (lowest first).

    The manifest lists only layers, the history also steps that made none; the config says which.
    """
    manifest = _manifest(documents)
    config = documents.get(manifest["config"]["digest"], {}) if manifest else {}
    made = [not step.get("empty_layer", False) for step in config.get("history", [])]
    rows = list(reversed(history))
    if manifest and len(made) == len(rows) and sum(made) == len(manifest["layers"]):
        layers = [row for row, real in zip(rows, made, strict=True) if real]
        sizes = [layer["size"] for layer in manifest["layers"]]
    else:  # a store that keeps layers unpacked, or a base image without history
        layers = [row for row in rows if int(row["Size"])]
        sizes = [None] * len(layers)
    pairs = zip(layers, sizes, strict=True)
    return Sizes(tuple(Layer(row["CreatedBy"], int(row["Size"]), count) for row, count in pairs))


def table(sizes: Sizes) -> str:
    """The layers as lines for a person, largest figures in SI units as Docker prints them."""
    rows = [("unpacked", "pulled", "layer")]
    rows += [(size(x.unpacked), _size(x.compressed), _short(x)) for x in sizes.layers]
    rows += [(size(sizes.unpacked), _size(sizes.compressed), "total")]
    return "\n".join(f"{unpacked:>10} {pulled:>10}  {name}" for unpacked, pulled, name in rows)


def _documents(engine: Engine, image: str) -> dict[str, Any]:
    """The JSON documents in the image's archive, by digest; layers are passed over."""
    documents: dict[str, Any] = {}
    with (
        commands.stream(engine.argv("image", "save", image)) as out,
        suppress(tarfile.ReadError),  # the command reports an incomplete one
        tarfile.open(fileobj=out, mode="r|") as archive,
    ):
        documents.update(_json_members(archive))
    return documents


def _json_members(archive: tarfile.TarFile) -> Iterator[tuple[str, Any]]:
    for member in archive:
        if not member.isfile() or member.size > JSON_LIMIT:
            continue
        data = archive.extractfile(member)
        try:
            document = json.loads(data.read()) if data else None
        except ValueError:
            continue
        blob = member.name.removeprefix("blobs/sha256/")
        yield (member.name if blob == member.name else f"sha256:{blob}"), document


def _manifest(documents: dict[str, Any]) -> dict[str, Any] | None:
    """The first image manifest below index.json whose layers are compressed."""
    for entry in documents.get("index.json", {}).get("manifests", []):
        manifest: Any = documents.get(entry["digest"], {})
        for inner in manifest.get("manifests", []):
            manifest = documents.get(inner["digest"], manifest)
            if manifest.get("layers"):
                break
        layers = manifest.get("layers", [])
        if layers and all("gzip" in x["mediaType"] or "zstd" in x["mediaType"] for x in layers):
            found: dict[str, Any] = manifest
            return found
    return None


def _size(count: int | None) -> str:
    return "-" if count is None else size(count)


def _short(layer: Layer) -> str:
    """What made the layer, on one line."""
    text = layer.created_by.removeprefix("RUN ").removeprefix("/bin/sh -c ")
    text = " ".join(text.replace("# buildkit", "").split())
    return text[:72] + ("..." if len(text) > 72 else "")
