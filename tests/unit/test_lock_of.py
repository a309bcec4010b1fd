from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scripts.shared import commands
from scripts.shared.node_tools import node_argv
from scripts.shared.paths import REPOSITORY

SCRIPT = REPOSITORY / "docker" / "backends" / "lock-of.mjs"

LOCK: dict[str, Any] = {
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


def lock_of(folder: Path, lock: dict[str, Any], *names: str) -> dict[str, Any]:
    (folder / "lock.json").write_text(json.dumps(lock))
    out = folder / "out"
    argv = [*node_argv(), str(SCRIPT), str(folder / "lock.json"), str(out), *names]
    commands.check(argv)
    found: dict[str, Any] = json.loads((out / "package-lock.json").read_text())
    manifest = json.loads((out / "package.json").read_text())
    assert manifest["dependencies"] == found["packages"][""]["dependencies"]
    return found


def test_a_package_and_what_it_needs_is_kept_as_node_would_find_it(tmp_path: Path) -> None:
    packages = lock_of(tmp_path, LOCK, "a")["packages"]
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


def test_another_package_of_the_lock_changes_nothing(tmp_path: Path) -> None:
    one = lock_of(tmp_path, LOCK, "a")
    changed = json.loads(json.dumps(LOCK))
    changed["packages"]["node_modules/other"]["version"] = "9.0.0"
    changed["packages"][""]["dependencies"]["new"] = "1"
    assert lock_of(tmp_path, changed, "a") == one
    changed["packages"]["node_modules/c"]["version"] = "1.0.1"
    assert lock_of(tmp_path, changed, "a") != one


def test_a_prebuilt_is_alone(tmp_path: Path) -> None:
    packages = lock_of(tmp_path, LOCK, "@node-llama-cpp/linux-x64")["packages"]
    assert sorted(packages) == ["", "node_modules/@node-llama-cpp/linux-x64"]


def test_a_package_that_is_not_locked_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "lock.json").write_text(json.dumps(LOCK))
    argv = [*node_argv(), str(SCRIPT), str(tmp_path / "lock.json"), str(tmp_path), "zzz"]
    done = commands.capture(argv)
    assert done.code == 1
    assert "does not hold zzz" in done.err
    assert commands.capture([*node_argv(), str(SCRIPT)]).code == 2


def test_the_services_lock_has_every_backend(tmp_path: Path) -> None:
    lock = json.loads((REPOSITORY / "service" / "package-lock.json").read_text())
    for name in ("node-llama-cpp", "@node-llama-cpp/linux-x64-cuda-ext"):
        packages = lock_of(tmp_path, lock, name)["packages"]
        assert all("integrity" in entry for place, entry in packages.items() if place)
