from __future__ import annotations

import importlib.util
import struct
import sys
from pathlib import Path
from types import ModuleType

import pytest

from scripts.shared.paths import REPOSITORY
from tests import device_code

PAGE = 4096
HOST = b"host-x86_64-unknown-linux-gnu-"
NAMES = b"\0.hip_fatbin\0.hipFatBinSegment\0.rela.dyn\0.shstrtab\0"


def load() -> ModuleType:
    path = REPOSITORY / "docker" / "backends" / "slim_fatbin.py"
    spec = importlib.util.spec_from_file_location("slim_fatbin", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules["slim_fatbin"] = module
    spec.loader.exec_module(module)
    return module


slim_fatbin = load()


def bundle(codes: dict[bytes, bytes]) -> bytes:
    """An offload bundle as clang writes it: the code of each entry on a page of its own."""
    position, table, body = PAGE, b"", b""
    for name, code in codes.items():
        table += struct.pack("<QQQ", position + len(body), len(code), len(name)) + name
        body += code.ljust(-(-len(code) // PAGE) * PAGE, b"\0")
    head = device_code.BUNDLE_MAGIC + struct.pack("<Q", len(codes)) + table
    return head.ljust(PAGE, b"\0") + body


def target(name: str) -> bytes:
    return f"hipv4-amdgcn-amd-amdhsa--{name}".encode()


def library(bundles: list[bytes], *, note: bool = True) -> bytearray:
    """A shared object of what the program reads: one segment of code, one of data after it."""
    fat = b"".join(bundles)
    fat_at = PAGE
    tail = b"what follows the device code".ljust(64, b"\0")
    tail_at = fat_at + len(fat)
    data_at = -(-(tail_at + len(tail)) // PAGE) * PAGE
    starts = [sum(len(b) for b in bundles[:i]) for i in range(len(bundles))]
    wrappers = struct.pack("<IIQQ", 0x48495046, 1, 0, 0) * len(bundles)
    relocations = b"".join(
        struct.pack("<QQq", data_at + PAGE + 24 * i + 8, 8, fat_at + start)
        for i, start in enumerate(starts)
    )
    rela_at = data_at + len(wrappers)
    names_at = rela_at + len(relocations)
    sections_at = names_at + len(NAMES)

    def section(name: bytes, address: int, offset: int, size: int) -> bytes:
        at = NAMES.index(b"\0" + name + b"\0") + 1 if name else 0
        return struct.pack("<IIQQQQIIQQ", at, 1, 0, address, offset, size, 0, 0, 1, 0)

    sections = [
        section(b"", 0, 0, 0),
        section(b".hip_fatbin", fat_at, fat_at, len(fat)),
        section(b".hipFatBinSegment", data_at + PAGE, data_at, len(wrappers)),
        section(b".rela.dyn", 0, rela_at, len(relocations)),
        section(b".shstrtab", 0, names_at, len(NAMES)),
    ]
    end = tail_at + len(tail)
    segments = [
        (1, 4, 0, 0, 0, end, end, PAGE),
        (1, 6, data_at, data_at + PAGE, data_at + PAGE, len(wrappers), len(wrappers), PAGE),
        (4 if note else 0x6474E551, 4, 0, 0, 0, 16, 16, 4),
    ]
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, 62, 1, 0, 64, sections_at, 0, 64, 56,
        len(segments), 64, len(sections), 4,
    )  # fmt: skip
    out = header + b"".join(struct.pack("<IIQQQQQQ", *row) for row in segments)
    out = out.ljust(fat_at, b"\0") + fat + tail
    out = out.ljust(data_at, b"\0") + wrappers + relocations + NAMES + b"".join(sections)
    return bytearray(out)


def codes(image: bytes) -> list[dict[bytes, bytes]]:
    """What each wrapper of a library leads to, by the way that a loader takes: its segments."""
    elf = slim_fatbin.Library(bytearray(image))
    loaded = [segment for segment in elf.segments if segment.type == slim_fatbin.PT_LOAD]
    assert loaded == sorted(loaded, key=lambda segment: segment.address)
    assert all(segment.offset % PAGE == segment.address % PAGE for segment in loaded)
    found = []
    for address, _ in elf.wrappers():
        (home,) = (s for s in loaded if s.address <= address < s.address + s.size)
        start = address - home.address + home.offset
        view = memoryview(image)[start : home.offset + home.size]
        rows = slim_fatbin.entries(view)
        found.append({name: bytes(view[at : at + size]) for name, at, size in rows})
    return found


TWO = [
    bundle({HOST: b"", target("gfx900"): b"a" * 9000, target("gfx1100"): b"b" * 5000}),
    bundle({HOST: b"", target("gfx1100"): b"c" * 10, target("gfx90a:xnack+"): b"d" * 20000}),
]


def test_only_the_wanted_targets_stay_and_are_found() -> None:
    before = library(TWO)
    after = slim_fatbin.rewrite(library(TWO), ["gfx1100"])
    assert codes(bytes(before))[0][target("gfx900")] == b"a" * 9000
    assert codes(after) == [
        {HOST: b"", target("gfx1100"): b"b" * 5000},
        {HOST: b"", target("gfx1100"): b"c" * 10},
    ]
    assert device_code.rocm(after) == {"gfx1100"}
    assert len(after) <= len(before) - 30000


def test_what_follows_keeps_its_address() -> None:
    before = library(TWO)
    elf = slim_fatbin.Library(library(TWO))
    address = elf.section(".hip_fatbin").address + elf.section(".hip_fatbin").size
    after = slim_fatbin.rewrite(before, ["gfx1100"])
    moved = slim_fatbin.Library(bytearray(after))
    (home,) = (
        s for s in moved.segments if s.type == 1 and s.address <= address < s.address + s.size
    )
    start = address - home.address + home.offset
    assert after[start:].startswith(b"what follows the device code")
    assert [s.name for s in moved.sections] == [s.name for s in elf.sections]
    assert moved.section(".rela.dyn").size == elf.section(".rela.dyn").size


def test_features_of_a_target_stay_with_it() -> None:
    after = slim_fatbin.rewrite(library(TWO), ["gfx90a"])
    assert codes(after) == [{HOST: b""}, {HOST: b"", target("gfx90a:xnack+"): b"d" * 20000}]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (library([bundle({HOST: b"", target("gfx1100"): b"b"})]), "nothing would be gained"),
        (library([b"CCOB".ljust(5 * PAGE, b"\0")]), "compressed"),
        (library(TWO, note=False), "no program header to spare"),
        (bytearray(b"\x7fELF\x01".ljust(64, b"\0")), "ELF64"),
    ],
)
def test_a_library_that_cannot_be_slimmed_stays(
    data: bytearray, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(data)
    slim_fatbin.main(path, ["gfx1100"])
    assert path.read_bytes() == data
    assert why in capsys.readouterr().out
