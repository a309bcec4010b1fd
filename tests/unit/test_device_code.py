from __future__ import annotations

import struct

from tests.device_code import BUNDLE_MAGIC, ELF, ENTRY, FATBIN, FATBIN_MAGIC, PTX, cuda, rocm


def entry(kind: int, arch: int, code: bytes) -> bytes:
    head = ENTRY.pack(kind, 0x101, 64, len(code), 0, 0, 0, 0, arch)
    return head.ljust(64, b"\0") + code


def fatbin(*entries: bytes) -> bytes:
    content = b"".join(entries)
    return FATBIN.pack(FATBIN_MAGIC, 1, FATBIN.size, len(content)) + content


def bundle(*names: bytes) -> bytes:
    table = b"".join(struct.pack("<QQQ", 4096, 0, len(name)) + name for name in names)
    return BUNDLE_MAGIC + struct.pack("<Q", len(names)) + table


def test_cuda_tells_machine_code_from_ptx() -> None:
    one = fatbin(entry(ELF, 86, b"code"), entry(PTX, 75, b"text"))
    library = b"\0" * 8 + one + b"\0" * 24 + fatbin(entry(ELF, 120, b""))
    assert cuda(library) == {"sm_86", "compute_75", "sm_120"}


def test_a_magic_in_other_data_is_no_code() -> None:
    magic = struct.pack("<I", FATBIN_MAGIC)
    assert cuda(magic + b"\xff" * 64) == set()
    assert cuda(magic + b"\0" * 12 + fatbin(entry(9, 86, b""))) == set()
    assert rocm(BUNDLE_MAGIC + b"\xff" * 64) == set()


def test_rocm_names_targets_without_features() -> None:
    library = (
        b"x"
        + bundle(
            b"host-x86_64-unknown-linux-gnu-",
            b"hipv4-amdgcn-amd-amdhsa--gfx90a:xnack+",
            b"hipv4-amdgcn-amd-amdhsa--gfx90a:xnack-",
        )
        + bundle(b"hip-amdgcn-amd-amdhsa--gfx1100")
    )
    assert rocm(library) == {"gfx90a", "gfx1100"}


def test_without_device_code_there_are_none() -> None:
    assert cuda(b"\x7fELF") == rocm(b"\x7fELF") == set()
