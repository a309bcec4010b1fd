"""Reads which GPUs a library has code for, out of the library itself, without a vendor's tool."""

from __future__ import annotations

import struct
from collections.abc import Iterator

#: A CUDA fat binary (nvcc's __fatBinC container): magic, version, size of header, size of content.
FATBIN_MAGIC = 0xBA55ED50
FATBIN = struct.Struct("<IHHQ")
#: One entry's head: kind, version, size of head, size of code, compressed size, offset of the
#: options, PTX's version (minor, major), architecture. As cuobjdump lists them; NVIDIA documents
#: the container nowhere.
ENTRY = struct.Struct("<HHIQIIHHI")
PTX, ELF = 1, 2

#: An offload bundle of HIP: magic, count, then offset, size and name's length for each entry.
BUNDLE_MAGIC = b"__CLANG_OFFLOAD_BUNDLE__"

#: Where code begins in a fat binary or bundle: nothing smaller is one, but a magic in other data.
LIMIT = 64


def cuda(library: bytes) -> set[str]:
    """The architectures in a CUDA library: `sm_86` is machine code, `compute_75` is PTX."""
    found = set()
    for start in _find(library, struct.pack("<I", FATBIN_MAGIC)):
        _, _, head, size = FATBIN.unpack_from(library, start)
        position, end = start + head, start + head + size
        if head != FATBIN.size or end > len(library):
            continue
        while position + ENTRY.size <= end:
            kind, _, head, size, *_, arch = ENTRY.unpack_from(library, position)
            if kind not in (PTX, ELF) or head < ENTRY.size:
                break
            found.add(f"compute_{arch}" if kind == PTX else f"sm_{arch}")
            position += head + size
    return found


def rocm(library: bytes) -> set[str]:
    """The targets in a HIP library, such as `gfx90a`; features (`:xnack+`) are left out."""
    found = set()
    for start in _find(library, BUNDLE_MAGIC):
        position = start + len(BUNDLE_MAGIC)
        (count,) = struct.unpack_from("<Q", library, position)
        if count > LIMIT:
            continue
        position += 8
        for _ in range(count):
            _, _, length = struct.unpack_from("<QQQ", library, position)
            name = library[position + 24 : position + 24 + length].decode()
            position += 24 + length
            if not name.startswith("host"):
                found.add(name.rpartition("--")[2].partition(":")[0])
    return found


def _find(library: bytes, magic: bytes) -> Iterator[int]:
    position = library.find(magic)
    while position >= 0:
        yield position
        position = library.find(magic, position + len(magic))
