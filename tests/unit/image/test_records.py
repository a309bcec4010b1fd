from __future__ import annotations

from pathlib import Path

import pytest

from scripts.image import record as records
from scripts.shared.errors import ImageMissing


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "build" / "image.json"
    record = {"digest": "sha256:a", "tags": ["ä:1"], "size": {"bytes": 1}}
    records.write(path, record)
    assert records.read(path) == record
    assert path.read_text(encoding="utf-8").endswith("}\n")
    assert [entry.name for entry in path.parent.iterdir()] == ["image.json"]


@pytest.mark.parametrize("text", [None, "", "{", "[]", "1", "\xff"])
def test_what_is_no_record_reads_as_an_empty_one(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "image.json"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    assert records.read(path) == {}


def test_a_write_that_fails_keeps_the_old_record(tmp_path: Path) -> None:
    path = tmp_path / "image.json"
    records.write(path, {"digest": "old"})
    with pytest.raises(TypeError):
        records.write(path, {"digest": object()})
    assert records.read(path) == {"digest": "old"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["image.json"]


def test_an_interrupted_write_keeps_the_old_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "image.json"
    records.write(path, {"digest": "old"})

    def interrupt(*_: object) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        records.write(path, {"digest": "new"})
    assert records.read(path) == {"digest": "old"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["image.json"]


def test_the_image_is_missing_until_one_was_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "IMAGE", tmp_path / "image.json")
    with pytest.raises(ImageMissing, match="No image was built yet"):
        records.image()
    records.write(records.IMAGE, {"digest": ""})
    with pytest.raises(ImageMissing):
        records.image()
    records.write(records.IMAGE, {"digest": "sha256:a"})
    assert records.image() == {"digest": "sha256:a"}
