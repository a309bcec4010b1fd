from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from scripts.model import catalog
from scripts.model.source import Local, Packaged, Places, Remote, choose
from scripts.shared.errors import ModelInvalid, ModelMissing, UsageError

DEFAULT = dataclasses.replace(catalog.DEFAULT, size=5)
REPO = "models--Qwen--Qwen2.5-0.5B-Instruct-GGUF"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setattr(catalog, "DEFAULT", DEFAULT)
    monkeypatch.setattr(catalog, "MODELS", (DEFAULT, catalog.SMALL))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return Places.of(tmp_path / "cache", {}, tmp_path)


def put(path: Path, content: str = "12345") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_nothing_here_means_the_official_url(places: Places) -> None:
    assert choose("", places) == Remote(DEFAULT.url(), places.cache / DEFAULT.file, DEFAULT)


def test_the_order_of_places(places: Places) -> None:
    cached = put(places.cache / DEFAULT.file)
    assert choose("", places) == Local(cached, DEFAULT)
    other = put(places.hub / REPO / "snapshots" / "0" / DEFAULT.file)
    assert choose("", places) == Local(other, DEFAULT)
    pinned = put(places.hub / REPO / "snapshots" / DEFAULT.revision / DEFAULT.file)
    assert choose("", places) == Local(pinned, DEFAULT)
    own = put(places.gguf / DEFAULT.file)
    assert choose("", places) == Local(own, DEFAULT)
    assert choose(DEFAULT.name.upper(), places) == Local(own, DEFAULT)
    assert choose(DEFAULT.file, places) == Local(own, DEFAULT)


def test_a_file_of_the_wrong_size_is_skipped_with_a_warning(
    places: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    short = put(places.gguf / DEFAULT.file, "123")
    assert isinstance(choose("", places), Remote)
    assert f"{short} passed over" in capsys.readouterr().err


def test_the_small_model_comes_from_its_wheel(places: Places) -> None:
    small = catalog.SMALL
    assert choose(small.name, places) == Packaged(small, places.cache / small.file)


def test_paths(places: Places, tmp_path: Path) -> None:
    path = put(tmp_path / "models" / "mine.gguf")
    assert choose(str(path), places) == Local(path)
    assert choose("models/mine.gguf", places) == Local(Path("models/mine.gguf"))
    assert choose("~/models/mine.gguf", places) == Local(path)
    near = put(tmp_path / DEFAULT.file, "a file of that name in the working folder")
    assert choose(DEFAULT.file, places) == Local(Path(near.name))


def test_a_missing_file_names_the_nearest_model(places: Places) -> None:
    with pytest.raises(ModelMissing) as caught:
        choose("smollm2-135m-instruct", places)
    assert "neither a known name nor a file" in caught.value.what
    assert caught.value.next == f"Did you mean {catalog.SMALL.name}?"
    with pytest.raises(ModelMissing) as caught:
        choose("/nowhere/xyz.gguf", places)
    assert "File /nowhere/xyz.gguf does not exist" in caught.value.what
    assert DEFAULT.name in caught.value.next


def test_a_folder(places: Places, tmp_path: Path) -> None:
    put(tmp_path / "models" / "mine.gguf")
    with pytest.raises(ModelInvalid) as caught:
        choose("models", places)
    assert "is a folder" in caught.value.what
    assert "models/mine.gguf" in caught.value.next


def test_odd_paths(places: Places, tmp_path: Path) -> None:
    file = put(tmp_path / "file")
    with pytest.raises(ModelMissing):
        choose(str(file / "below.gguf"), places)
    with pytest.raises(ModelInvalid):
        choose("/" + "x" * 300 + ".gguf", places)
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(ModelInvalid) as caught:
        choose("pipe.gguf", places)
    assert "regular" in caught.value.what
    with pytest.raises(UsageError):
        choose("~nobody-has-this-name/x.gguf", places)


def test_urls(places: Places) -> None:
    one = choose("https://a.example/x/y.gguf?download=true", places)
    two = choose("http://b.example/y.GGUF", places)
    assert isinstance(one, Remote)
    assert isinstance(two, Remote)
    assert (one.target.name, two.target.name) == ("y.gguf", "y.GGUF")
    assert one.target.parent != two.target.parent
    assert one.model is None


def test_a_page_on_hugging_face_becomes_the_file(places: Places) -> None:
    found = choose("https://huggingface.co/o/r/blob/main/y.gguf", places)
    assert isinstance(found, Remote)
    assert found.url == "https://huggingface.co/o/r/resolve/main/y.gguf"


@pytest.mark.parametrize(
    "url", ["https://a.example/", "https://a.example/m.bin", "ftp://a/m.gguf", "https:///m.gguf"]
)
def test_urls_without_a_model_file_are_refused(places: Places, url: str) -> None:
    with pytest.raises(UsageError):
        choose(url, places)


def test_places_follow_the_rules_of_huggingface_hub() -> None:
    home, cache = Path("/h"), Path("/c")

    def hub(**environ: str) -> str:
        return str(Places.of(cache, environ, home).hub)

    assert hub() == "/h/.cache/huggingface/hub"
    assert hub(XDG_CACHE_HOME="/x") == "/x/huggingface/hub"
    assert hub(HF_HOME="/f", XDG_CACHE_HOME="/x") == "/f/hub"
    assert hub(HF_HUB_CACHE="/u", HF_HOME="/f") == "/u"
    mirror = Places.of(cache, {"HF_ENDPOINT": "https://mirror.example/"}, home)
    assert mirror.endpoint == "https://mirror.example"
