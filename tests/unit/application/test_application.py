from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.application.package_json import Application, check_version, provide, read
from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY

PACKAGE: dict[str, Any] = {
    "name": "app",
    "version": "1.2.3",
    "license": "MIT",
    "scripts": {"buildjs": "tsc"},
    "dependencies": {"node-llama-cpp": "3.0.0"},
}


PREBUILTS = ("linux-x64", "linux-x64-cuda", "linux-x64-cuda-ext", "linux-x64-vulkan")


def locked(version: str | None = "3.22.1", **prebuilts: str | None) -> dict[str, Any]:
    """A lock of node-llama-cpp and its prebuilt packages; None is not locked."""
    names = {"node-llama-cpp": version}
    for name in PREBUILTS:
        names[f"@node-llama-cpp/{name}"] = prebuilts.get(name.replace("-", "_"), version)
    rows = {f"node_modules/{name}": {"version": of} for name, of in names.items() if of}
    return {"lockfileVersion": 3, "packages": rows}


def write(folder: Path, package: Any, *, lock: Any = None) -> str:
    """An application; `lock` False leaves the lock out."""
    (folder / "package.json").write_text(json.dumps(package))
    if lock is not False:
        (folder / "package-lock.json").write_text(json.dumps(lock or locked()))
    return str(folder)


def test_an_application_is_read(tmp_path: Path) -> None:
    app = read(write(tmp_path, PACKAGE))
    assert app == Application(tmp_path.resolve(), "app", "1.2.3", "MIT", "3.22.1")


def test_corrections_of_the_native_part_are_seen(tmp_path: Path) -> None:
    (tmp_path / "patches/addon").mkdir(parents=True)
    package = PACKAGE | {"devDependencies": {"node-api-headers": "1.9.0"}}
    assert read(write(tmp_path, package)).addon == "corrected"
    assert read("").addon == "corrected"


def test_corrections_of_the_native_part_need_nodes_headers(tmp_path: Path) -> None:
    (tmp_path / "patches/addon").mkdir(parents=True)
    with pytest.raises(UsageError, match="does not have node-api-headers") as caught:
        read(write(tmp_path, PACKAGE))
    assert "npm install --save-dev node-api-headers" in caught.value.message()


def test_without_a_folder_it_is_the_bundled_service() -> None:
    assert read("").path == REPOSITORY / "service"
    assert provide("", Path("/nonexistent")).revision.source == ""


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("name", "", "it has no name"),
        ("version", None, "it has no version"),
        ("scripts", {}, "it has no script `buildjs`"),
        ("dependencies", {}, "node-llama-cpp is not in its dependencies"),
        ("version", "latest", "'latest' is not a version"),
        ("version", "1.0.post1", "'1.0.post1' is not a version"),
        ("version", "0.1", "'0.1' is not a version"),
        ("version", "2.0.0rc1", "'2.0.0rc1' is not a version"),
        ("version", "v1.0.0", "'v1.0.0' is not a version"),
        ("version", "1.0.0-01", "'1.0.0-01' is not a version"),
        ("version", "1.0.0+a_b", "'1.0.0+a_b' is not a version"),
    ],
)
def test_what_the_build_relies_on_is_asked_for(
    tmp_path: Path, key: str, value: Any, words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read(write(tmp_path, {**PACKAGE, key: value}))
    assert words in caught.value.what
    assert str(tmp_path) in caught.value.what


@pytest.mark.parametrize(
    ("lock", "why"),
    [
        ({"lockfileVersion": 1, "dependencies": {}}, "Its lockfileVersion is 1, 2 is the lowest."),
        (locked(None), "It does not lock node-llama-cpp at its top."),
        (
            locked("3.22.1", linux_x64_cuda="3.21.1"),
            "It locks node-llama-cpp 3.22.1, but @node-llama-cpp/linux-x64-cuda 3.21.1.",
        ),
        (
            locked("3.0.0", linux_x64_cuda_ext=None),
            "It locks node-llama-cpp 3.0.0, but @node-llama-cpp/linux-x64-cuda-ext missing.",
        ),
    ],
)
def test_a_lock_without_backends_for_its_node_llama_cpp_is_refused(
    tmp_path: Path, lock: dict[str, Any], why: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read(write(tmp_path, PACKAGE, lock=lock))
    assert caught.value.why == why
    assert "npm install" in caught.value.next


def test_a_missing_lock_and_all_other_faults_are_reported_together(tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    "version", ["1.0.0", "1.0.0-beta.1", "1.0.0-next.3", "0.0.0-20261126", "1.0.0+build5"]
)
def test_npms_versions_are_taken(version: str) -> None:
    check_version(version, Path("package.json"))
