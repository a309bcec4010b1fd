"""The GPU backends in the built image: complete, for the requested targets, nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.backends import compiled, variants
from scripts.backends import table as backends_table
from scripts.docker_engine import Engine
from scripts.shared import commands
from tests import device_code

FOLDER = "/opt/mentator/backends"

#: ggml's own libraries, which the addon loads before any backend.
BINS = "/opt/mentator-llm-service/node_modules/@node-llama-cpp/linux-x64-cuda/bins/linux-x64-cuda"

#: For each backend folder a pattern of its files; then the pattern for any other folder.
CONTENT = {
    "cuda12": r"lib(ggml-cuda\.so|(cudart|cublas|cublasLt)\.so\.12)",
    "cuda13": r"lib(ggml-cuda\.so|(cudart|cublas|cublasLt)\.so\.13)",
    "rocm": r"libggml-hip\.so|lib[\w+-]+\.so(\.\d+)+|targets\.txt|(roc|hip)blas.*/.+",
    "vulkan": r"libggml-vulkan\.so|lib[\w+-]+\.so(\.\d+)*|icd\.d/\w+(\.x86_64)?\.json",
}
ANY_CONTENT = r"lib[\w+-]+\.so(\.\d+)*"

TABLE = backends_table.read()

#: Each candidate of the table, by its folder.
CANDIDATES = {row.name: row for mode in TABLE.modes for row in mode.candidates}


def prebuilt_code(candidate: str) -> set[str]:
    """What the table says that a package's plugin holds."""
    prebuilt = CANDIDATES[candidate].prebuilt
    assert prebuilt is not None
    machine_code = {f"sm_{number}" for number in prebuilt.machine_code}
    return machine_code | {f"compute_{number}" for number in prebuilt.ptx}


@pytest.fixture(scope="module")
def inside(engine: Engine, image: dict[str, Any]) -> Callable[[str], str]:
    """Runs a shell script in the image, without the entrypoint."""

    def run(script: str) -> str:
        argv = engine.argv("run", "--rm", "--network", "none", "--entrypoint", "sh")
        return commands.check([*argv, image["digest"], "-c", script])

    return run


@pytest.fixture(scope="module")
def files(inside: Callable[[str], str]) -> dict[str, list[str]]:
    """The files of each backend folder."""
    found: dict[str, list[str]] = {}
    listing = inside(f"if [ -d {FOLDER} ]; then cd {FOLDER}; find . ! -type d; fi")
    for path in listing.splitlines():
        folder, _, name = path.removeprefix("./").partition("/")
        found.setdefault(folder, []).append(name)
    return found


@pytest.fixture(scope="module")
def library(
    engine: Engine, image: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], bytes]:
    """Reads a file of a backend folder from the image."""

    def read(name: str) -> bytes:
        target: Path = tmp_path_factory.mktemp("backend") / "library.so"
        container = commands.check(engine.argv("create", image["digest"]))
        try:
            source = f"{container}:{FOLDER}/{name}"
            commands.check(engine.argv("cp", "--follow-link", source, str(target)))
            return target.read_bytes()
        finally:
            commands.check(engine.argv("rm", container))
            target.unlink(missing_ok=True)

    return read


def test_image_has_exactly_the_backends_of_its_variant(
    image: dict[str, Any], files: dict[str, list[str]]
) -> None:
    brought = [TABLE.mode(name) for name in variants.find(image["variant"]).backends]
    assert set(files) == {row.name for mode in brought for row in mode.candidates}


def test_backend_folder_has_only_its_plugin_and_libraries(files: dict[str, list[str]]) -> None:
    for folder, names in files.items():
        allowed = re.compile(CONTENT.get(folder, ANY_CONTENT))
        assert [name for name in names if not allowed.fullmatch(name)] == []
        assert len([name for name in names if name.startswith("libggml-")]) == 1


def test_every_library_of_a_backend_resolves_except_the_driver(
    inside: Callable[[str], str], files: dict[str, list[str]]
) -> None:
    script = (
        # 2>&1 because "version `GLIBC_2.43' not found" goes to standard error.
        f"export LD_LIBRARY_PATH={BINS}; find {FOLDER} -name '*.so*' -type f"
        " | while read -r file; do ldd $file 2>&1 | grep 'not found'; done | sort -u"
    )
    missing = set(inside(script).splitlines()) if files else set()
    assert {line.strip() for line in missing} <= {"libcuda.so.1 => not found"}


def test_backend_is_linked_with_every_library_whose_symbols_it_uses(
    inside: Callable[[str], str], files: dict[str, list[str]]
) -> None:
    for folder in files:
        script = f"export LD_LIBRARY_PATH={BINS}; ldd -r {FOLDER}/{folder}/libggml-*.so 2>&1"
        found = inside(script)
        undefined = re.findall(r"undefined symbol: (\w+)\s+\(\S*/libggml-", found)
        # The driver's library is the only one that is not in the image, but it has to be named.
        assert [name for name in undefined if not name.startswith("cu")] == []
        assert not undefined or "libcuda.so.1 => not found" in found


def test_backend_loads_its_libraries_from_its_own_folder(
    inside: Callable[[str], str], files: dict[str, list[str]]
) -> None:
    for folder in files:
        script = f"export LD_LIBRARY_PATH={BINS}; ldd {FOLDER}/{folder}/libggml-*.so"
        paths = re.findall(r"=> (/\S+)", inside(script))
        assert all(
            path.startswith((f"{FOLDER}/{folder}/", BINS, "/lib", "/usr/lib")) for path in paths
        )
        ours = re.compile(r"/lib(cu|roc|hip|amd|hsa)")
        strays = [path for path in paths if ours.search(path) and FOLDER not in path]
        assert strays == []


def test_node_modules_have_no_gpu_backend(inside: Callable[[str], str]) -> None:
    script = (
        "find /opt/mentator-llm-service/node_modules"
        " \\( -name 'libggml-cuda*' -o -name 'libggml-hip*' -o -name 'libggml-vulkan*' \\)"
    )
    assert inside(script) == ""


def test_image_has_no_driver_library(inside: Callable[[str], str]) -> None:
    assert inside("find / -xdev \\( -name 'libcuda.so*' -o -name 'libnvidia-*' \\)") == ""


def test_cuda_has_code_for_the_requested_architectures(
    image: dict[str, Any], files: dict[str, list[str]], library: Callable[[str], bytes]
) -> None:
    if "cuda13" not in files:
        pytest.skip("this variant has no CUDA")
    asked = image["backends"]
    if asked["CUDA"] == "source":
        expected = {
            f"compute_{number}" if kind == "virtual" else f"sm_{number.rstrip('af')}"
            for number, _, kind in (name.partition("-") for name in asked["CUDA_ARCHS"].split(";"))
        }
    else:
        expected = prebuilt_code("cuda13")
    assert device_code.cuda(library("cuda13/libggml-cuda.so")) == expected
    assert device_code.cuda(library("cuda12/libggml-cuda.so")) == prebuilt_code("cuda12")


def test_rocm_has_code_and_kernels_for_the_requested_targets(
    image: dict[str, Any],
    files: dict[str, list[str]],
    library: Callable[[str], bytes],
    inside: Callable[[str], str],
) -> None:
    if "rocm" not in files:
        pytest.skip("this variant has no ROCm")
    told = set(inside(f"cat {FOLDER}/rocm/targets.txt").split())
    asked = image["backends"]["ROCM_TARGETS"]
    assert asked == compiled.ALL_TARGETS or set(asked.split(",")) == told
    assert device_code.rocm(library("rocm/libggml-hip.so")) == told
    (blas,) = (name for name in files["rocm"] if name.startswith("librocblas.so"))
    assert device_code.rocm(library(f"rocm/{blas}")) == told
    kernels = [name for name in files["rocm"] if "/" in name]
    found = {match for name in kernels for match in re.findall(r"gfx[0-9a-f]+", name)}
    assert found == told
    assert [name for name in kernels if "gfx" not in name], "the files for all targets are missing"
