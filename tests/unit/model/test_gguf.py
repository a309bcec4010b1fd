from __future__ import annotations

import os
import random
import re
import struct
import time
from pathlib import Path

import gguf as writer
import pytest

from scripts.model.ggml_types import TENSOR_TYPES
from scripts.model.gguf import check
from scripts.shared.errors import ModelInvalid
from tests.unit.gguf_files import write_model


def test_tensor_types_match_the_gguf_package() -> None:
    theirs = {
        int(kind): (kind.name, block, count)
        for kind, (block, count) in writer.GGML_QUANT_SIZES.items()
    }
    assert theirs == TENSOR_TYPES


def test_tensor_types_match_those_of_the_service() -> None:
    source = Path("service/src/models/ggml-types.ts").read_text(encoding="utf-8")
    table = source.split("TENSOR_TYPES", 1)[1].split("]);", 1)[0]
    theirs = {
        int(kind): (int(block), int(count))
        for kind, block, count in re.findall(r"\[(\d+), \[(\d+), (\d+)\]\]", table)
    }
    assert theirs == {kind: (block, count) for kind, (_, block, count) in TENSOR_TYPES.items()}


def test_a_valid_model_passes(tmp_path: Path) -> None:
    check(write_model(tmp_path / "a.gguf", layers=3))


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q5_0", "Q8_0", "Q6_K", "BF16", "F16"])
def test_quantized_tensors_fit_to_the_byte(tmp_path: Path, kind: str) -> None:
    number = writer.GGMLQuantizationType[kind]
    if kind == "Q6_K":  # which the package reads and does not write
        path = tmp_path / "k.gguf"
        path.write_bytes(handmade(kind=14, shape=(256, 3), data=210 * 3))
    else:
        path = write_model(tmp_path / "q.gguf", width=256, quantization=number)
    check(path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size - 64)
    with pytest.raises(ModelInvalid) as caught:
        check(path)
    assert "truncated" in caught.value.why


def test_a_large_vocabulary_is_quick(tmp_path: Path) -> None:
    path = write_model(tmp_path / "a.gguf", vocabulary=150_000, width=32)
    began = time.process_time()
    check(path)
    assert time.process_time() - began < 0.5


def test_every_truncated_file_is_refused_without_a_crash(tmp_path: Path) -> None:
    path = write_model(tmp_path / "a.gguf", vocabulary=40, layers=1)
    size = path.stat().st_size
    # From the end, so that the file is cut and not written again: that takes ext4 a millisecond.
    lengths = {*range(0, 1200, 7), *range(1200, size, 4999), size - 33}
    for length in sorted(lengths, reverse=True):
        os.truncate(path, length)
        with pytest.raises(ModelInvalid) as caught:
            check(path)
        assert caught.value.why


def test_random_damage_never_crashes_the_check(tmp_path: Path) -> None:
    path = write_model(tmp_path / "bent.gguf", vocabulary=40, layers=1)
    whole = path.read_bytes()
    dice = random.Random(7)  # noqa: S311
    refused = 0
    with path.open("r+b", buffering=0) as file:
        for _ in range(1500):
            bent = bytearray(whole)
            for _ in range(dice.randint(1, 4)):
                bent[dice.randrange(2600)] = dice.choice((0, 1, 9, 127, 255, dice.randrange(256)))
            file.seek(0)
            file.write(bent)
            try:
                check(path)
            except ModelInvalid:
                refused += 1
    assert refused > 200


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


ARCHITECTURE = text("general.architecture") + struct.pack("<I", 8) + text("llama")


def handmade(
    *,
    version: int = 3,
    tensors: int = 1,
    keys: int = 1,
    more: bytes = b"",
    kind: int = 0,
    shape: tuple[int, ...] = (4,),
    offset: int = 0,
    data: int = 16,
    metadata: bytes = ARCHITECTURE,
) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, tensors, keys) + metadata + more
    if tensors:
        head += text("t") + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        head += struct.pack("<IQ", kind, offset)
    head += b"\0" * (-len(head) % 32)
    return head + b"\0" * data


def string(key: str, value: str) -> bytes:
    return text(key) + struct.pack("<I", 8) + text(value)


HOSTILE = {
    "empty": (b"", "0 bytes"),
    "web page": (b"<!DOCTYPE html>" + b" " * 99, "web page"),
    "git lfs": (b"version https://git-lfs.github.com/spec/v1\n" + b" " * 99, "Git LFS"),
    "zeros": (b"\0" * 4096, "zeros"),
    "other": (b"ELF!" * 20, "b'ELF!'"),
    "version 1": (handmade(version=1), "version 1"),
    "big endian": (handmade(version=0x03000000), "big-endian GGUF version 3"),
    "tensor count": (handmade(tensors=2**63), "claims 9223372036854775808 tensors"),
    "key count": (handmade(keys=2**60), "metadata keys"),
    "long key": (handmade(metadata=struct.pack("<Q", 2**62)), "claims 4611686018427387904 bytes"),
    "long text": (
        handmade(keys=2, more=text("k") + struct.pack("<IQ", 8, 2**63)),
        "end within k",
    ),
    "many strings": (
        handmade(keys=2, more=text("k") + struct.pack("<IIQ", 9, 8, 2**61)),
        "strings",
    ),
    "strings past the end": (
        handmade(keys=2, more=text("k") + struct.pack("<IIQQ", 9, 8, 7_000_000, 2**64 - 1)),
        "end within k",
    ),
    "many numbers": (
        handmade(keys=2, more=text("k") + struct.pack("<IIQ", 9, 5, 2**62)),
        "end within k",
    ),
    "nested array": (
        handmade(keys=2, more=text("k") + struct.pack("<IIQ", 9, 9, 4)),
        "array of the unknown type 9",
    ),
    "value type": (handmade(keys=2, more=text("k") + struct.pack("<I", 77)), "unknown type 77"),
    "no architecture": (handmade(keys=0, metadata=b""), "general.architecture"),
    "adapter": (handmade(keys=2, more=string("general.type", "adapter")), "adapter"),
    "part": (
        handmade(keys=2, more=text("split.count") + struct.pack("<IH", 2, 3)),
        "one of 3 parts",
    ),
    "vocabulary only": (handmade(tensors=0), "without weights"),
    "alignment": (
        handmade(keys=2, more=text("general.alignment") + struct.pack("<II", 4, 33)),
        "power of two",
    ),
    "no dimensions": (handmade(shape=()), "0 dimensions"),
    "overflow": (handmade(shape=(2**62, 2**62, 2**62, 2**62)), "truncated"),
    "empty tensor": (handmade(shape=(0,)), "impossible"),
    "half a block": (handmade(kind=2, shape=(33,)), "impossible in Q4_0"),
    "removed type": (handmade(kind=4), "not one of ggml's"),
    "wild type": (handmade(kind=2**31), "not one of ggml's"),
    "unaligned": (handmade(offset=8, data=64), "not aligned"),
    "far offset": (handmade(offset=2**63), "truncated"),
    "short data": (handmade(data=15), "truncated"),
}


@pytest.mark.parametrize(("content", "why"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    began = time.perf_counter()
    with pytest.raises(ModelInvalid) as caught:
        check(path)
    assert why in caught.value.why
    assert str(path) in caught.value.what
    assert caught.value.next
    assert time.perf_counter() - began < 1


def test_newer_tensor_types_pass(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(handmade())
    check(path)
    path.write_bytes(handmade(version=2, kind=60))
    check(path)


def test_two_tensors_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    one = text("t") + struct.pack("<IQIQ", 1, 4, 0, 0)
    content = b"GGUF" + struct.pack("<IQQ", 3, 2, 1) + ARCHITECTURE + one + one
    path.write_bytes(content + b"\0" * 128)
    with pytest.raises(ModelInvalid) as caught:
        check(path)
    assert "two tensors" in caught.value.why
