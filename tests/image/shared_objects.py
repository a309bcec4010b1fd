"""Shared objects that act as broken GPU backends, built byte by byte without a compiler.

For x86-64, as the image's GPU backends. Each has an initializer, which runs in dlopen, or
`ggml_backend_init`, which ggml calls next, or both.
"""

from __future__ import annotations

import struct
from pathlib import Path

# System calls of Linux by number, so that no library is needed.
_WRITE, _SIGACTION, _PAUSE, _GETPID, _KILL = 1, 13, 34, 39, 62
_SIGABRT = 6


def _call(number: int) -> bytes:
    return b"\xb8" + struct.pack("<I", number) + b"\x0f\x05"  # mov eax, number; syscall


#: Machine code of functions without arguments.
RETURN = b"\x31\xc0\xc3"  # xor eax, eax; ret: ggml_backend_init that returns NULL
CRASH = b"\x31\xc0\x8b\x00\xc3"  # reads address 0
ILLEGAL = b"\x0f\x0b"  # ud2
HANG = _call(_PAUSE) + b"\xeb" + struct.pack("b", -9)  # pause(), again and again
#: As abort(): restores the default action (Node handles SIGABRT), then sends the signal.
ABORT = (
    b"\x6a\x00" * 4  # push 0, four times: an empty struct sigaction
    + b"\xbf"  # mov edi, SIGABRT
    + struct.pack("<I", _SIGABRT)
    + b"\x48\x89\xe6\x31\xd2\x41\xba\x08\x00\x00\x00"  # mov rsi, rsp; xor edx, edx; mov r10d, 8
    + _call(_SIGACTION)
    + _call(_GETPID)
    + b"\x89\xc7\xbe"  # mov edi, eax; mov esi, SIGABRT
    + struct.pack("<I", _SIGABRT)
    + _call(_KILL)
)


def last_words(text: str) -> bytes:
    """Code that writes a line to standard error and aborts, as ggml does on a CUDA error."""
    line = text.encode() + b"\n"
    end = b"".join((_call(_WRITE), ABORT))
    return (
        b"\xbf\x02\x00\x00\x00\xba"  # mov edi, 2; mov edx, the length
        + struct.pack("<I", len(line))
        + b"\x48\x8d\x35"  # lea rsi, [rip + the code that follows]
        + struct.pack("<i", len(end))
        + end
        + line
    )


_PAGE = 0x1000
_NEEDED, _HASH, _STRTAB, _SYMTAB, _STRSZ, _SYMENT, _INIT, _SONAME = 1, 4, 5, 6, 10, 11, 12, 14


def api_version(version: int) -> bytes:
    """Code that returns a registry entry with another version of ggml's plugin API."""
    # lea rax, [rip + 1]; ret; then the entry: an int, and pointers that must not be used
    return b"\x48\x8d\x05\x01\x00\x00\x00\xc3" + struct.pack("<i", version) + bytes(64)


def write(
    path: Path, *, init: bytes = RETURN, entry: bytes | None = RETURN, needs: str = ""
) -> Path:
    """Write a shared object. `init` runs when it is loaded, `entry` is ggml_backend_init (None: the
    symbol is undefined), `needs` is a library that it depends on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_elf(init, entry, needs))
    path.chmod(0o755)
    return path


def _elf(init: bytes, entry: bytes | None, needs: str) -> bytes:
    """One page: header, two program headers, dynamic section, symbols, strings, code."""
    strings = b"\0ggml_backend_init\0stand-in.so\0" + needs.encode() + b"\0"
    tags = 9 if needs else 8
    dynamic = 64 + 3 * 56
    symbols = dynamic + tags * 16
    hashes = symbols + 2 * 24
    texts = hashes + 5 * 4
    init_at = (texts + len(strings) + 15) & ~15
    entry_at = (init_at + len(init) + 15) & ~15
    size = entry_at + len(entry or b"")
    # e_ident: 64 bit, little-endian; then ET_DYN, EM_X86_64
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        *(3, 62, 1, 0, 64, 0, 0, 64, 56, 3, 0, 0, 0),
    )
    load = struct.pack("<IIQQQQQQ", 1, 7, 0, 0, 0, size, size, _PAGE)  # PT_LOAD, rwx
    at = struct.pack("<IIQQQQQQ", 2, 6, *[dynamic] * 3, tags * 16, tags * 16, 8)  # PT_DYNAMIC
    stack = struct.pack("<IIQQQQQQ", 0x6474E551, 6, 0, 0, 0, 0, 0, 16)  # PT_GNU_STACK, rw
    rows = [
        *([(_NEEDED, strings.index(needs.encode() + b"\0", 30))] if needs else []),
        *((_SONAME, 19), (_HASH, hashes), (_STRTAB, texts), (_SYMTAB, symbols)),
        *((_STRSZ, len(strings)), (_SYMENT, 24), (_INIT, init_at)),
        (0, 0),
    ]
    # A symbol of section 0 and value 0 is undefined; else a global function.
    where = (0, 0) if entry is None else (1, entry_at)
    symbol = struct.pack("<IBBHQQ", 1, 0x12, 0, *where, len(entry or b""))
    body = (
        header
        + load
        + at
        + stack
        + b"".join(struct.pack("<qQ", *row) for row in rows)
        + bytes(24)
        + symbol
        + struct.pack("<5I", 1, 2, 1, 0, 0)  # one bucket, a chain of two: symbol 1, its end
        + strings
    )
    code = body.ljust(init_at, b"\0") + init
    return code.ljust(entry_at, b"\0") + (entry or b"")
