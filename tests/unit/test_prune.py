from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from scripts.shared import commands
from scripts.shared.node_tools import node_argv
from scripts.shared.paths import REPOSITORY

DOCKER = REPOSITORY / "docker"
SCOPE = "node_modules/@node-llama-cpp"


def lock() -> dict[str, Any]:
    """A lock as npm writes it, with each kind of entry that the script looks at."""
    return {
        "packages": {
            "": {"dependencies": {"node-llama-cpp": "3"}, "devDependencies": {"tsc": "5"}},
            "node_modules/node-llama-cpp": {
                "integrity": "sha512-a",
                "dependencies": {"chalk": "5"},
                "optionalDependencies": {
                    "@node-llama-cpp/linux-x64": "3",
                    "@node-llama-cpp/linux-x64-cuda": "3",
                    "reflink": "1",
                },
                "peerDependencies": {"tsc": "5"},
            },
            "node_modules/chalk": {"integrity": "sha512-b"},
            "node_modules/reflink": {"integrity": "sha512-c", "optional": True},
            f"{SCOPE}/linux-x64": {"integrity": "sha512-d", "optional": True},
            f"{SCOPE}/linux-x64-cuda": {"integrity": "sha512-e", "optional": True},
            "node_modules/eslint": {"integrity": "sha512-f", "dev": True},
            "node_modules/tsc": {
                "integrity": "sha512-g",
                "devOptional": True,
                "dependencies": {"tsc-part": "1"},
            },
            "node_modules/tsc-part": {"integrity": "sha512-h", "devOptional": True},
        }
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    manifest = {"name": "a", "dependencies": {"node-llama-cpp": "3"}, "devDependencies": {"x": "1"}}
    (tmp_path / "package.json").write_text(json.dumps(manifest))
    (tmp_path / "package-lock.json").write_text(json.dumps(lock()))
    return tmp_path


def prune(*words: str) -> commands.Result:
    return commands.capture([*node_argv(), str(DOCKER / "prune-lock.mjs"), *words])


def packages(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "package-lock.json").read_text())["packages"]
    return found


def test_only_the_named_prebuilts_stay(folder: Path) -> None:
    before = (folder / "package.json").read_text()
    assert prune(str(folder), "linux-x64").code == 0
    expected = lock()["packages"]
    del expected[f"{SCOPE}/linux-x64-cuda"]
    del expected["node_modules/node-llama-cpp"]["optionalDependencies"][
        "@node-llama-cpp/linux-x64-cuda"
    ]
    assert packages(folder) == expected
    assert (folder / "package.json").read_text() == before


def test_without_names_no_prebuilt_stays(folder: Path) -> None:
    assert prune(str(folder)).code == 0
    assert not [place for place in packages(folder) if place.startswith(SCOPE)]


def test_production_takes_out_what_only_development_wants(folder: Path) -> None:
    assert prune(str(folder), "--production", "linux-x64").code == 0
    found = packages(folder)
    assert set(found) == {
        "",
        "node_modules/node-llama-cpp",
        "node_modules/chalk",
        "node_modules/reflink",
        f"{SCOPE}/linux-x64",
    }
    assert found["node_modules/chalk"] == {"integrity": "sha512-b"}
    assert "devDependencies" not in found[""]
    manifest = json.loads((folder / "package.json").read_text())
    assert manifest == {"name": "a", "dependencies": {"node-llama-cpp": "3"}}


def test_the_services_own_lock_keeps_its_one_prebuilt(tmp_path: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        (tmp_path / name).write_bytes((REPOSITORY / "service" / name).read_bytes())
    assert prune(str(tmp_path), "--production", "linux-x64").code == 0
    found = packages(tmp_path)
    assert [place for place in found if place.startswith(SCOPE)] == [f"{SCOPE}/linux-x64"]
    assert not [place for place, entry in found.items() if entry.get("dev")]
    assert "node_modules/node-llama-cpp" in found


def test_a_prebuilt_that_is_not_locked_is_an_error_and_changes_nothing(folder: Path) -> None:
    before = (folder / "package-lock.json").read_text()
    done = prune(str(folder), "linux-x64", "linux-riscv")
    assert done.code == 1
    assert "@node-llama-cpp/linux-riscv" in done.err
    assert (folder / "package-lock.json").read_text() == before


def test_without_a_folder_it_says_its_usage() -> None:
    done = prune()
    assert done.code == 2
    assert done.err.startswith("usage:")


KEPT = (
    "node-llama-cpp/dist/index.js",
    "node-llama-cpp/llama/binariesGithubRelease.json",
    "node-llama-cpp/package.json",
    "sqlite/prebuilds/linux-x64/sqlite.node",
    "chalk/license.md",
    "chalk/ch.js",
)
REMOVED = (
    "node-llama-cpp/llama/CMakeLists.txt",
    "node-llama-cpp/llama/gpuInfo/cuda.cpp",
    "node-llama-cpp/templates/pack.json",
    "node-llama-cpp/bins/a",
    "node-llama-cpp/dist/index.d.ts",
    "node-llama-cpp/dist/index.js.map",
    "sqlite/prebuilds/linux-arm64/sqlite.node",
    "sqlite/prebuilds/darwin-x64/sqlite.node",
    "sqlite/prebuilds/linux-x64/sqlite.musl.node",
    "sqlite/src/binding.cc",
    "sqlite/binding.gyp",
    "chalk/README.md",
    "chalk/CHANGELOG.md",
    ".package-lock.json",
)


def modules(folder: Path, machine: str) -> list[str]:
    """What is left of a node_modules folder on a machine of that architecture."""
    place = folder / "node_modules"
    for name in (*KEPT, *REMOVED):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("x")
    fake = folder / "bin" / "uname"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\necho {machine}\n")
    fake.chmod(0o755)
    path = f"{fake.parent}{os.pathsep}{os.environ['PATH']}"
    commands.check(["sh", str(DOCKER / "prune-modules.sh"), str(place)], env={"PATH": path})
    assert not [entry for entry in place.rglob("*") if entry.is_dir() and not any(entry.iterdir())]
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


def test_what_no_running_program_reads_is_removed(tmp_path: Path) -> None:
    assert modules(tmp_path, "x86_64") == sorted(KEPT)


def test_the_prebuilds_that_stay_are_this_machines(tmp_path: Path) -> None:
    left = modules(tmp_path, "aarch64")
    assert "sqlite/prebuilds/linux-arm64/sqlite.node" in left
    assert "sqlite/prebuilds/linux-x64/sqlite.node" not in left
