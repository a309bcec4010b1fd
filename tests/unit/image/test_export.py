from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from scripts.docker_engine import Engine, EngineOptions
from scripts.image.export import CHUNK, PART, _compress, export, split
from scripts.shared.checksum import sha256_of
from scripts.shared.errors import ImageMissing, UsageError


@pytest.mark.parametrize("sizes", [[], [1], [10], [11], [9, 1, 1], [35], [0, 5, 0, 25, 3]])
def test_the_parts_joined_are_the_stream(tmp_path: Path, sizes: list[int]) -> None:
    stream = bytes(range(sum(sizes)))
    chunks = [stream[sum(sizes[:n]) :][:size] for n, size in enumerate(sizes)]
    parts = split(chunks, tmp_path, limit=10)
    assert [path.stat().st_size for path in parts[:-1]] == [10] * (len(parts) - 1)
    assert sorted(parts) == parts == sorted(tmp_path.iterdir())
    assert b"".join(path.read_bytes() for path in parts) == stream


def test_the_stream_is_gzips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tar = tmp_path / "tar"
    tar.write_bytes(bytes(range(250)) * (CHUNK // 100))
    monkeypatch.setattr(Engine, "argv", lambda *_: ["cat", str(tar)])
    pieces = list(_compress(Engine(), "a container"))
    assert len(pieces) > 2
    assert gzip.decompress(b"".join(pieces)) == tar.read_bytes()


def test_a_part_is_below_60_mib() -> None:
    assert PART < 60 << 20


def test_a_sum_is_that_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert sha256_of(tmp_path / "empty", "empty").startswith("e3b0c44298fc1c14")


def test_a_folder_with_something_in_it_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.image.record.image", lambda: {"digest": "sha256:0"})
    (tmp_path / "mine").touch()
    with pytest.raises(UsageError, match="not empty"):
        export(EngineOptions(tmp_path), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_without_an_image_there_is_nothing_to_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.image.record.IMAGE", tmp_path / "none.json")
    with pytest.raises(ImageMissing):
        export(EngineOptions(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()
