from __future__ import annotations

import os
from pathlib import Path

from scripts.shared import commands
from scripts.shared.paths import REPOSITORY

SCRIPT = REPOSITORY / "docker" / "application" / "slim-modules.sh"

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
    commands.check(["sh", str(SCRIPT), str(place)], env={"PATH": path})
    assert not [entry for entry in place.rglob("*") if entry.is_dir() and not any(entry.iterdir())]
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


def test_what_no_running_program_reads_is_removed(tmp_path: Path) -> None:
    assert modules(tmp_path, "x86_64") == sorted(KEPT)


def test_vulkan_package_is_the_cpu_package_by_links(tmp_path: Path) -> None:
    """Its own addon needs Vulkan's loader, and a backend in bins/ would be loaded."""
    bins = {
        kind: tmp_path / f"node_modules/@node-llama-cpp/{kind}/bins/{kind}"
        for kind in ("linux-x64", "linux-x64-vulkan")
    }
    for kind, names in (
        ("linux-x64", ("llama-addon.node", "libggml-base.so", "libllama.so", "build.json")),
        (
            "linux-x64-vulkan",
            (
                *("llama-addon.node", "libggml-base.so", "build.json"),
                *("libllama.vulkan.so", "libggml-vulkan.so"),
            ),
        ),
    ):
        bins[kind].mkdir(parents=True)
        for name in names:
            (bins[kind] / name).write_text(kind)
    left = modules(tmp_path, "x86_64")
    vulkan = bins["linux-x64-vulkan"]
    assert {path.name for path in vulkan.iterdir()} == {
        *("llama-addon.node", "libggml-base.so", "libllama.so", "build.json")
    }
    assert (vulkan / "llama-addon.node").read_text() == "linux-x64"
    assert (vulkan / "llama-addon.node").is_symlink()
    assert (vulkan / "build.json").read_text() == "linux-x64-vulkan"
    assert any(name.endswith("linux-x64/llama-addon.node") for name in left)


def test_the_prebuilds_that_stay_are_this_machines(tmp_path: Path) -> None:
    left = modules(tmp_path, "aarch64")
    assert "sqlite/prebuilds/linux-arm64/sqlite.node" in left
    assert "sqlite/prebuilds/linux-x64/sqlite.node" not in left
