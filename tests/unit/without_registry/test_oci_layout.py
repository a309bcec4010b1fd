from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from scripts.without_registry import oci_layout


@pytest.fixture
def tars(tmp_path: Path) -> list[tuple[Path, str]]:
    made = []
    for number in (1, 2):
        path = tmp_path / f"{number}.tar"
        with tarfile.open(path, "w") as out:
            member = tarfile.TarInfo(f"file-{number}")
            member.size = 5000
            out.addfile(member, io.BytesIO(bytes([number]) * 5000))
        made.append((path, f"step {number}"))
    return made


def blob(folder: Path, descriptor: dict[str, Any]) -> bytes:
    """A blob's bytes, whose digest and size are as its descriptor says."""
    data: bytes = (folder / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
    assert "sha256:" + hashlib.sha256(data).hexdigest() == descriptor["digest"]
    assert len(data) == descriptor["size"]
    return data


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_every_digest_verifies(tmp_path: Path, tars: list[tuple[Path, str]]) -> None:
    layout = oci_layout.write(tmp_path / "image", tars, architecture="arm64", env=["A=1"])
    folder = layout.path
    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((folder / "index.json").read_text())
    assert index["manifests"][0]["digest"] == layout.digest
    manifest = json.loads(blob(folder, index["manifests"][0]))
    config = json.loads(blob(folder, manifest["config"]))
    assert (config["architecture"], config["os"], config["config"]["Env"]) == (
        "arm64",
        "linux",
        ["A=1"],
    )
    assert [step["created_by"] for step in config["history"]] == ["step 1", "step 2"]
    for (tar, _), layer, diff_id in zip(
        tars, manifest["layers"], config["rootfs"]["diff_ids"], strict=True
    ):
        plain = gzip.decompress(blob(folder, layer))
        assert plain == tar.read_bytes()
        assert diff_id == "sha256:" + hashlib.sha256(plain).hexdigest()
        assert layer["mediaType"].endswith("tar+gzip")
    assert len(list((folder / "blobs" / "sha256").iterdir())) == 4


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, tars: list[tuple[Path, str]]) -> None:
    one = oci_layout.write(tmp_path / "a" / "one", tars)
    two = oci_layout.write(tmp_path / "b" / "two", tars)
    assert one.digest == two.digest
    assert contents(one.path) == contents(two.path)
    assert oci_layout.write(tmp_path / "c", list(reversed(tars))).digest != one.digest


def test_it_is_read_back_and_named_as_a_context(
    tmp_path: Path, tars: list[tuple[Path, str]]
) -> None:
    target = tmp_path / "image"
    assert oci_layout.read(target) is None
    layout = oci_layout.write(target, tars)
    assert oci_layout.read(target) == layout
    assert layout.context() == f"oci-layout://{target}@{layout.digest}"
    assert target.stat().st_mode & 0o777 == 0o755


def test_a_write_replaces_an_older_layout(tmp_path: Path, tars: list[tuple[Path, str]]) -> None:
    target = tmp_path / "image"
    oci_layout.write(target, tars)
    layout = oci_layout.write(target, tars[:1])
    assert oci_layout.read(target) == layout
    assert len(list((target / "blobs" / "sha256").iterdir())) == 3


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, tars: list[tuple[Path, str]]) -> None:
    folder = tmp_path / "layouts"
    with pytest.raises(FileNotFoundError):
        oci_layout.write(folder / "image", [*tars, (tmp_path / "absent.tar", "never")])
    assert list(folder.iterdir()) == []
    whole = oci_layout.write(folder / "image", tars)
    with pytest.raises(FileNotFoundError):
        oci_layout.write(folder / "image", [*tars, (tmp_path / "absent.tar", "never")])
    assert oci_layout.read(folder / "image") == whole
    assert [path.name for path in folder.iterdir()] == ["image"]
