"""slim_fatbin.py LIBRARY TARGET...: drops from a HIP library the device code of all other targets.

rocBLAS is 1 GB for ten targets, of which an image needs the few that its backend was compiled for.
A HIP library holds offload bundles (clang-offload-bundler's format) in its section .hip_fatbin;
wrappers in .hipFatBinSegment point to them. Bundles are written anew with the wanted entries only
and moved together, the wrappers' relocations follow, and the freed pages leave the file: its
segment becomes two, with unmapped addresses between them. Addresses of code and data stay.

The library stays as it is, with a line that says why, where its bundles are compressed (CCOB) or
nothing would be gained.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

MAGIC = b"__CLANG_OFFLOAD_BUNDLE__"
PAGE = 4096
PT_LOAD, PT_NOTE = 1, 4
R_X86_64_RELATIVE = 8

#: ELF64, little-endian: header from e_type on, program header, section header, relocation.
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PROGRAM = struct.Struct("<IIQQQQQQ")
SECTION = struct.Struct("<IIQQQQIIQQ")
RELA = struct.Struct("<QQq")
#: The wrapper that the HIP runtime registers (__CudaFatBinaryWrapper): magic, version, address, -.
WRAPPER = struct.Struct("<IIQQ")


class Unchanged(Exception):
    """Why a library is left as it is."""


@dataclass(frozen=True)
class Segment:
    """A program header."""

    type: int
    flags: int
    offset: int
    address: int
    physical: int
    size: int
    memory: int
    align: int

    def pack(self) -> bytes:
        """Its bytes in the file."""
        return PROGRAM.pack(self.type, self.flags, self.offset, self.address, self.physical,
                            self.size, self.memory, self.align)  # fmt: skip


@dataclass(frozen=True)
class Section:
    """What is needed of a section header, and where the header itself lies."""

    name: str
    address: int
    offset: int
    size: int
    header: int


def aligned(position: int, to: int = PAGE) -> int:
    """The next multiple of `to`."""
    return -(-position // to) * to


def entries(bundle: memoryview) -> Iterator[tuple[bytes, int, int]]:
    """The entries of an offload bundle: name, offset, size in bytes."""
    if bundle[: len(MAGIC)] != MAGIC:
        raise Unchanged("its bundles are compressed or of an unknown format")
    (count,) = struct.unpack_from("<Q", bundle, len(MAGIC))
    position = len(MAGIC) + 8
    for _ in range(count):
        offset, size, length = struct.unpack_from("<QQQ", bundle, position)
        position += 24
        yield bytes(bundle[position : position + length]), offset, size
        position += length


def target_of(name: bytes) -> str:
    """`gfx90a` of an entry's name such as `hipv4-amdgcn-amd-amdhsa--gfx90a:xnack+`."""
    return name.decode().rpartition("--")[2].partition(":")[0]


def slim(bundle: memoryview, targets: Sequence[str]) -> bytes:
    """The same bundle with the host's entry and those of `targets`."""
    kept = [
        (name, bundle[offset : offset + size])
        for name, offset, size in entries(bundle)
        if name.startswith(b"host") or target_of(name) in targets
    ]
    position = aligned(len(MAGIC) + 8 + sum(24 + len(name) for name, _ in kept))
    head, body = MAGIC + struct.pack("<Q", len(kept)), b""
    for name, code in kept:
        head += struct.pack("<QQQ", position + len(body), len(code), len(name)) + name
        body += bytes(code).ljust(aligned(len(code)), b"\0")
    return head.ljust(position, b"\0") + body


class Library:
    """An ELF file in memory."""

    def __init__(self, data: bytearray) -> None:
        self.data = data
        fields = HEADER.unpack_from(data)
        if fields[0][:6] != b"\x7fELF\x02\x01":
            raise Unchanged("it is not a little-endian ELF64 file")
        self.program_at, self.sections_at = fields[5], fields[6]
        self.segments = [
            Segment(*PROGRAM.unpack_from(data, self.program_at + i * PROGRAM.size))
            for i in range(fields[10])
        ]
        self.sections = list(self._sections(count=fields[12], names=fields[13]))

    def _sections(self, count: int, names: int) -> Iterator[Section]:
        rows = [self.sections_at + i * SECTION.size for i in range(count)]
        text = SECTION.unpack_from(self.data, rows[names])[4]
        for row in rows:
            name, _, _, address, offset, size, *_ = SECTION.unpack_from(self.data, row)
            end = self.data.index(b"\0", text + name)
            yield Section(self.data[text + name : end].decode(), address, offset, size, row)

    def section(self, name: str) -> Section:
        """The section of that name."""
        for section in self.sections:
            if section.name == name:
                return section
        raise Unchanged(f"it has no section {name}")

    def wrappers(self) -> Iterator[tuple[int, Callable[[int], None]]]:
        """Each wrapper's address of its bundle, and what sets it."""
        wrapping, relocations = self.section(".hipFatBinSegment"), self.section(".rela.dyn")
        places = {}
        for at in range(relocations.offset, relocations.offset + relocations.size, RELA.size):
            place, info, _ = RELA.unpack_from(self.data, at)
            if info == R_X86_64_RELATIVE:
                places[place] = at + 16
        for start in range(0, wrapping.size, WRAPPER.size):
            # The linker leaves the address in the relocation, or (RELR) in the wrapper itself.
            at = places.get(wrapping.address + start + 8, wrapping.offset + start + 8)
            (address,) = struct.unpack_from("<Q", self.data, at)

            def assign(value: int, at: int = at) -> None:
                struct.pack_into("<Q", self.data, at, value)

            yield address, assign


def rewrite(data: bytearray, targets: Sequence[str]) -> bytes:
    """The library with the device code of `targets` only. Raises `Unchanged`."""
    library = Library(data)
    fat = library.section(".hip_fatbin")
    end = fat.offset + fat.size
    view = memoryview(bytes(data[fat.offset : end]))
    content = bytearray()
    moved: dict[int, int] = {}
    for address, assign in list(library.wrappers()):
        if address not in moved:
            moved[address] = fat.address + len(content)
            content += slim(view[address - fat.address :], targets)
        assign(moved[address])
    page = max(s.align for s in library.segments if s.type == PT_LOAD)
    freed = (end - fat.offset - len(content)) // page * page
    if freed < 2 * page:
        raise Unchanged("nothing would be gained")
    _move(library, fat, len(content), freed)
    return bytes(data[: fat.offset] + content.ljust(fat.size - freed, b"\0") + data[end:])


def _move(library: Library, fat: Section, size: int, freed: int) -> None:
    """Tell all headers that .hip_fatbin has `size` bytes, and what follows lies `freed` lower."""
    data, end = library.data, fat.offset + fat.size

    def lower(offset: int) -> int:
        return offset - freed if offset >= end else offset

    segments = []
    for segment in library.segments:
        if segment.type == PT_LOAD and segment.offset <= fat.offset < segment.offset + segment.size:
            kept, gap = fat.offset + size - segment.offset, end - segment.offset
            segments.append(replace(segment, size=kept, memory=kept))
            segments.append(
                replace(
                    segment,
                    offset=lower(end),
                    address=segment.address + gap,
                    physical=segment.physical + gap,
                    size=segment.size - gap,
                    memory=segment.memory - gap,
                )
            )
        else:
            segments.append(replace(segment, offset=lower(segment.offset)))
    # The table has no room for one more: the note (a build id) gives its place.
    note = next((s for s in segments if s.type == PT_NOTE), None)
    if note is None:
        raise Unchanged("it has no program header to spare")
    segments.remove(note)
    table = b"".join(segment.pack() for segment in segments)
    data[library.program_at : library.program_at + len(table)] = table
    for section in library.sections:
        offset = lower(section.offset)
        length = size if section.name == fat.name else section.size
        struct.pack_into("<QQ", data, section.header + 24, offset, length)
    struct.pack_into("<Q", data, 40, lower(library.sections_at))


def main(path: Path, targets: Sequence[str]) -> None:
    """Rewrite one library in its place."""
    data = bytearray(path.read_bytes())
    before = len(data)
    try:
        path.write_bytes(rewrite(data, targets))
        print(f"{path.name}: {before >> 20} MiB, now {path.stat().st_size >> 20} MiB")
    except Unchanged as why:
        print(f"{path.name}: left as it is, {why}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
