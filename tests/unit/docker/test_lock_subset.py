from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.shared import commands
from scripts.shared.node_tools import node_argv
from scripts.shared.paths import REPOSITORY

SCRIPT = REPOSITORY / "docker" / "application" / "lock-subset.mjs"
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
                "peerDependenciesMeta": {"tsc": {"optional": True}},
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


def install(*words: str) -> commands.Result:
    return commands.capture([*node_argv(), str(SCRIPT), "install", *words])


def packages(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "package-lock.json").read_text())["packages"]
    return found


def test_only_the_named_prebuilts_stay(folder: Path) -> None:
    before = (folder / "package.json").read_text()
    assert install(str(folder), "linux-x64").code == 0
    expected = lock()["packages"]
    del expected[f"{SCOPE}/linux-x64-cuda"]
    del expected["node_modules/node-llama-cpp"]["optionalDependencies"][
        "@node-llama-cpp/linux-x64-cuda"
    ]
    assert packages(folder) == expected
    assert (folder / "package.json").read_text() == before


def test_without_names_no_prebuilt_stays(folder: Path) -> None:
    assert install(str(folder)).code == 0
    assert not [place for place in packages(folder) if place.startswith(SCOPE)]


def test_production_takes_out_what_only_development_wants(folder: Path) -> None:
    assert install(str(folder), "--production", "linux-x64").code == 0
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
    assert install(str(tmp_path), "--production", "linux-x64").code == 0
    found = packages(tmp_path)
    assert [place for place in found if place.startswith(SCOPE)] == [f"{SCOPE}/linux-x64"]
    assert not [place for place, entry in found.items() if entry.get("dev")]
    assert "node_modules/node-llama-cpp" in found


def test_a_prebuilt_that_is_not_locked_is_an_error_and_changes_nothing(folder: Path) -> None:
    before = (folder / "package-lock.json").read_text()
    done = install(str(folder), "linux-x64", "linux-riscv")
    assert done.code == 1
    assert "@node-llama-cpp/linux-riscv" in done.err
    assert (folder / "package-lock.json").read_text() == before


def test_production_keeps_a_peer_that_is_not_optional(folder: Path) -> None:
    changed = lock()
    del changed["packages"]["node_modules/node-llama-cpp"]["peerDependenciesMeta"]
    (folder / "package-lock.json").write_text(json.dumps(changed))
    assert install(str(folder), "--production", "linux-x64").code == 0
    assert {"node_modules/tsc", "node_modules/tsc-part"} <= set(packages(folder))


def test_production_keeps_the_folder_that_a_link_names(folder: Path) -> None:
    changed = lock()
    changed["packages"][""]["dependencies"]["mine"] = "file:mine"
    changed["packages"]["node_modules/mine"] = {"resolved": "mine", "link": True}
    changed["packages"]["mine"] = {"dependencies": {"tsc-part": "1"}}
    (folder / "package-lock.json").write_text(json.dumps(changed))
    assert install(str(folder), "--production", "linux-x64").code == 0
    assert {"mine", "node_modules/mine", "node_modules/tsc-part"} <= set(packages(folder))


def test_without_a_folder_it_says_its_usage() -> None:
    done = install()
    assert done.code == 2
    assert done.err.startswith("usage:")


#: A lock to extract from: two versions of one package, a circle, prebuilts.
EXTRACTED: dict[str, Any] = {
    "packages": {
        "": {"dependencies": {"a": "1", "other": "1"}},
        "node_modules/a": {
            "version": "1.0.0",
            "integrity": "sha512-a",
            "dependencies": {"b": "2", "c": "1"},
            "optionalDependencies": {"d": "1", "gone": "1", "@node-llama-cpp/linux-x64": "1"},
            "peerDependencies": {"other": "1"},
        },
        "node_modules/a/node_modules/b": {"version": "2.0.0", "dev": True},
        "node_modules/b": {"version": "1.0.0", "dependencies": {"other": "1"}},
        "node_modules/c": {"version": "1.0.0", "dependencies": {"a": "1"}},
        "node_modules/d": {"version": "1.0.0", "optional": True},
        "node_modules/other": {"version": "1.0.0"},
        "node_modules/@node-llama-cpp/linux-x64": {"version": "3.0.0", "optional": True},
    }
}


def extract(folder: Path, whole: dict[str, Any], *names: str) -> dict[str, Any]:
    (folder / "lock.json").write_text(json.dumps(whole))
    out = folder / "out"
    argv = [*node_argv(), str(SCRIPT), "extract", str(folder / "lock.json"), str(out), *names]
    commands.check(argv)
    found: dict[str, Any] = json.loads((out / "package-lock.json").read_text())
    manifest = json.loads((out / "package.json").read_text())
    assert manifest["dependencies"] == found["packages"][""]["dependencies"]
    return found


def test_extract_keeps_a_package_with_what_it_needs(tmp_path: Path) -> None:
    packages = extract(tmp_path, EXTRACTED, "a")["packages"]
    assert sorted(packages) == [
        "",
        "node_modules/a",
        "node_modules/a/node_modules/b",
        "node_modules/c",
        "node_modules/d",
    ]
    assert packages["node_modules/a"]["integrity"] == "sha512-a"
    assert packages[""]["dependencies"] == {"a": "1.0.0"}
    assert not any("optional" in entry or "dev" in entry for entry in packages.values())


def test_extract_does_not_depend_on_the_other_packages_of_the_lock(tmp_path: Path) -> None:
    one = extract(tmp_path, EXTRACTED, "a")
    changed = json.loads(json.dumps(EXTRACTED))
    changed["packages"]["node_modules/other"]["version"] = "9.0.0"
    changed["packages"][""]["dependencies"]["new"] = "1"
    assert extract(tmp_path, changed, "a") == one
    changed["packages"]["node_modules/c"]["version"] = "1.0.1"
    assert extract(tmp_path, changed, "a") != one


def test_extract_of_a_prebuilt_holds_nothing_else(tmp_path: Path) -> None:
    packages = extract(tmp_path, EXTRACTED, "@node-llama-cpp/linux-x64")["packages"]
    assert sorted(packages) == ["", "node_modules/@node-llama-cpp/linux-x64"]


def test_extract_of_a_package_that_is_not_locked_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "lock.json").write_text(json.dumps(EXTRACTED))
    argv = [*node_argv(), str(SCRIPT), "extract", str(tmp_path / "lock.json"), str(tmp_path), "zzz"]
    done = commands.capture(argv)
    assert done.code == 1
    assert "does not hold zzz" in done.err
    assert commands.capture([*node_argv(), str(SCRIPT), "extract"]).code == 2


def test_the_services_lock_holds_every_backend(tmp_path: Path) -> None:
    whole = json.loads((REPOSITORY / "service" / "package-lock.json").read_text())
    for name in ("node-llama-cpp", "@node-llama-cpp/linux-x64-cuda-ext"):
        packages = extract(tmp_path, whole, name)["packages"]
        assert all("integrity" in entry for place, entry in packages.items() if place)
