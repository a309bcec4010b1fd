"""Is this file a GGUF model that llama.cpp could load? Read from its header, in milliseconds.

Follows the GGUF specification (ggml/docs/gguf.md), versions 2 and 3, little endian. Nothing that
the file claims is believed before it is compared with the file's size, so a hostile or a truncated
file costs neither memory nor time.
"""

from __future__ import annotations

import mmap
from math import prod
from pathlib import Path
from struct import calcsize

from scripts.model.cursor import MAX_NAME, Cursor, Malformed
from scripts.model.ggml_types import ARRAY, FIRST_UNKNOWN_TYPE, SCALARS, STRING, TENSOR_TYPES
from scripts.shared.console import size as shown_size
from scripts.shared.errors import ModelInvalid

#: Bounds far above any real model; they bound the time that a hostile file costs.
MAX_KEYS = 65_536
MAX_TENSORS = 262_144

#: What is often found under a model's name instead of a model.
IMPOSTORS = {
    b"version https://git-lfs": "It is a Git LFS pointer: the file itself was never fetched.",
    b"<": "It begins like a web page: a link to the page was saved, not the file.",
    b"PK\x03\x04": "It is a zip archive.",
    b"tjgg": "It is a GGJT file, older than GGUF.",
    b"lmgg": "It is a GGML file, older than GGUF.",
    b"\x00" * 16: "It begins with zeros: an incomplete download that had reserved its space.",
}


def check(path: Path, shown: str = "") -> None:
    """Check the header and the place of every tensor's data.

    Raises `ModelInvalid` naming the file as `shown`. `OSError` of opening it passes through.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        try:
            if size < 24:
                raise Malformed(f"It has {size} bytes; a GGUF header alone has more.")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                _check(Cursor(data, size))
        except Malformed as fault:
            raise ModelInvalid(
                f"{shown or path} is not a usable GGUF model.",
                why=str(fault),
                next="Fetch the file again, or name another one with --model.",
            ) from None


def _check(cursor: Cursor) -> None:
    begin = cursor.data[:64]
    if begin[:4] != b"GGUF":
        text = next((text for mark, text in IMPOSTORS.items() if begin.startswith(mark)), "")
        raise Malformed(text or f"It begins with {begin[:4]!r} instead of b'GGUF'.")
    cursor.skip(4, "the magic")
    version = cursor.u32("the version")
    if version not in (2, 3):
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
        order = "big-endian " if swapped in (2, 3) else ""
        raise Malformed(f"It is {order}GGUF version {swapped if order else version}, not 2 or 3.")
    tensors, keys = cursor.u64("the header"), cursor.u64("the header")
    if tensors > MAX_TENSORS or keys > MAX_KEYS:
        raise Malformed(f"It is damaged: it claims {tensors} tensors and {keys} metadata keys.")
    metadata = dict(_key(cursor) for _ in range(keys))
    _check_purpose(metadata, tensors)
    _check_tensors(cursor, tensors, metadata.get("general.alignment", 32))


def _key(cursor: Cursor) -> tuple[str, str | int | float | None]:
    """One key and its value; None for an array and for a text longer than any name."""
    key = cursor.name("a metadata key")
    kind = cursor.u32(key)
    if kind in SCALARS:
        return key, cursor.number(SCALARS[kind], key)
    if kind == STRING:
        length = cursor.u64(key)
        begin = cursor.skip(length, key)
        if length > MAX_NAME:
            return key, None
        return key, cursor.data[begin : begin + length].decode("utf-8", "replace")
    if kind != ARRAY:
        raise Malformed(f"It is damaged: {key} has the unknown type {kind}.")
    element, count = cursor.u32(key), cursor.u64(key)
    if element in SCALARS:
        cursor.skip(count * calcsize(SCALARS[element]), key)
    elif element == STRING:
        cursor.skip_strings(count, key)
    else:  # llama.cpp refuses arrays of arrays as well
        raise Malformed(f"It is damaged: {key} is an array of the unknown type {element}.")
    return key, None


def _check_purpose(metadata: dict[str, str | int | float | None], tensors: int) -> None:
    """Adapters, projectors, vocabularies and parts of a split model are GGUF files as well."""
    architecture, kind = metadata.get("general.architecture"), metadata.get("general.type", "model")
    if not architecture or not isinstance(architecture, str):
        raise Malformed("Its metadata lacks general.architecture.")
    if kind != "model" or architecture == "clip":
        raise Malformed(f"It is not a language model: its type is {kind} ({architecture}).")
    parts = metadata.get("split.count", 0)
    if isinstance(parts, int) and parts > 1:
        raise Malformed(
            f"It is one of {parts} parts of a split model; `llama-gguf-split --merge` joins them."
        )
    if tensors == 0:
        raise Malformed("It holds no tensors: a vocabulary without weights.")


def _check_tensors(cursor: Cursor, count: int, alignment: str | int | float | None) -> None:
    if not isinstance(alignment, int) or alignment < 1 or alignment & (alignment - 1):
        raise Malformed(f"It is damaged: its alignment, {alignment}, is not a power of two.")
    ends: dict[str, tuple[int, int]] = {}
    for _ in range(count):
        name = cursor.name("the list of tensors")
        if name in ends:
            raise Malformed(f"It is damaged: it has two tensors {name}.")
        ends[name] = _tensor(cursor, name)
    start = -(-cursor.at // alignment) * alignment
    for name, (offset, length) in ends.items():
        if offset % alignment:
            raise Malformed(f"It is damaged: the data of {name} is not aligned.")
        if start + offset + length > cursor.size:
            raise Malformed(
                f"It is truncated: {shown_size(cursor.size)}, and the data of {name} ends at "
                f"{shown_size(start + offset + length)}."
            )


def _tensor(cursor: Cursor, name: str) -> tuple[int, int]:
    """Offset and length of a tensor's data, in bytes from the start of all data.

    The length of a type newer than our table is taken as one byte: llama.cpp decides about it.
    """
    dimensions = cursor.u32(name)
    if not 1 <= dimensions <= 4:
        raise Malformed(f"It is damaged: {name} has {dimensions} dimensions.")
    shape = [cursor.u64(name) for _ in range(dimensions)]
    kind, offset = cursor.u32(name), cursor.u64(name)
    elements = prod(shape)
    if kind not in TENSOR_TYPES:
        if kind < FIRST_UNKNOWN_TYPE or kind > 1024:
            raise Malformed(f"The type of {name}, {kind}, is not one of ggml's.")
        return offset, 1
    label, block, block_bytes = TENSOR_TYPES[kind]
    if elements == 0 or shape[0] % block:
        raise Malformed(f"It is damaged: {name} has the shape {shape}, impossible in {label}.")
    return offset, elements // block * block_bytes
