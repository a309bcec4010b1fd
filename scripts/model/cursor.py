"""Reads numbers and texts from a file that is not trusted, and never past its end."""

from __future__ import annotations

import mmap
import struct

from scripts.shared.console import size as shown_size

#: Strings in one array (vocabularies have up to 300 000 entries), and bytes in one name.
MAX_STRINGS = 8_000_000
MAX_NAME = 65_536


class Malformed(Exception):
    """Why this is not a GGUF model; becomes a `ModelInvalid` that names the file."""


class Cursor:
    """A position in the file; every read is checked against the file's end."""

    def __init__(self, data: mmap.mmap, size: int) -> None:
        self.data = data
        self.size = size
        self.at = 0

    def skip(self, count: int, what: str) -> int:
        """Step over `count` bytes and return where they begin."""
        begin, self.at = self.at, self.at + count
        if self.at > self.size:
            raise Malformed(f"It is truncated: {shown_size(self.size)} end within {what}.")
        return begin

    def number(self, form: str, what: str) -> int | float:
        """The next value in `struct`'s format `form`."""
        value: int | float = struct.unpack_from(
            form, self.data, self.skip(struct.calcsize(form), what)
        )[0]
        return value

    def u32(self, what: str) -> int:
        """The next four bytes as a number."""
        return int(self.number("<I", what))

    def u64(self, what: str) -> int:
        """The next eight bytes as a number."""
        return int(self.number("<Q", what))

    def name(self, what: str) -> str:
        """The next text, which must be as short as names are."""
        length = self.u64(what)
        if length > MAX_NAME:
            raise Malformed(f"It is damaged: {what} claims {length} bytes.")
        begin = self.skip(length, what)
        return self.data[begin : begin + length].decode("utf-8", "replace")

    def skip_strings(self, count: int, what: str) -> None:
        """Step over strings without reading them: vocabularies have hundreds of thousands."""
        if count > MAX_STRINGS:
            raise Malformed(f"It is damaged: {what} claims {count} strings.")
        data, at, last = self.data, self.at, self.size - 8
        length = struct.Struct("<Q").unpack_from
        for _ in range(count):
            if at > last:
                break
            at += 8 + length(data, at)[0]
        else:
            self.skip(at - self.at, what)
            return
        self.skip(self.size, what)  # past the end: says so
