from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.application import check_version, read, tags
from scripts.errors import UsageError
from scripts.paths import REPOSITORY

PACKAGE: dict[str, Any] = {
    "name": "app",
    "version": "1.2.3",
    "license": "MIT",
    "scripts": {"buildjs": "tsc"},
    "dependencies": {"node-llama-cpp": "3.0.0"},
}


def write(folder: Path, package: Any, *, lock: bool = True) -> str:
    (folder / "package.json").write_text(json.dumps(package))
    if lock:
        (folder / "package-lock.json").write_text("{}")
    return str(folder)


def test_an_application_is_read(tmp_path: Path) -> None:
    app = read(write(tmp_path, PACKAGE))
    assert (app.path, app.name, app.version, app.license) == (
        tmp_path.resolve(),
        "app",
        "1.2.3",
        "MIT",
    )


def test_without_a_folder_it_is_the_bundled_service() -> None:
    assert read("").path == REPOSITORY / "service"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("name", "", "it has no name"),
        ("version", None, "it has no version"),
        ("scripts", {}, "it has no script `buildjs`"),
        ("dependencies", {}, "node-llama-cpp is not in its dependencies"),
        ("version", "latest", "'latest' is not a version"),
        ("version", "1.0.0+build", "cannot be an image tag"),
    ],
)
def test_what_the_build_relies_on_is_asked_for(
    tmp_path: Path, key: str, value: Any, words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read(write(tmp_path, {**PACKAGE, key: value}))
    assert words in caught.value.what
    assert str(tmp_path) in caught.value.what


def test_a_lock_is_asked_for_and_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(write(tmp_path, {}, lock=False))
    assert caught.value.what.count(";") == 4
    assert "package-lock.json" in caught.value.what


@pytest.mark.parametrize("text", ["{", "[]", '"app"', "\xff"])
def test_a_package_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "package.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match="cannot be read"):
        read(str(tmp_path))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no-such-folder"):
        read(str(tmp_path / "no-such-folder"))


@pytest.mark.parametrize("version", ["1.0.0", "1.0.0-beta.1", "2.0.0rc1", "0.1"])
def test_versions_that_can_be_tags(version: str) -> None:
    check_version(version, Path("package.json"))


def test_tags_of_default_and_other_variants() -> None:
    assert tags("a/b", "1.0", "cpu", "cpu") == ("a/b:latest", "a/b:1.0")
    assert tags("a/b", "1.0", "gpu", "cpu") == ("a/b:latest-gpu", "a/b:1.0-gpu")
