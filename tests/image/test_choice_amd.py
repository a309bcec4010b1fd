"""The choice on an AMD machine, walked through in the real image: each reason to drop it.

The image's own HIP reads the faked sysfs, too, and finds that the device node is none.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.backends import variants
from scripts.docker_engine import Engine
from scripts.shared import commands
from tests.image.gpu_surface import AMD_NODES, NOTHINGS_CODE, Fakes, row

#: gfx_target_version of Linux: major * 10000 + minor * 100 + stepping.
GFX906, GFX1036, GFX1100, GFX1101 = 90006, 100306, 110000, 110001
CPU = 0

#: What of a card can be seen, and why nothing is probed then.
NOT_FOUND: dict[str, tuple[Callable[[Fakes], object], str]] = {
    "nothing": (lambda _: None, "no /dev/kfd, no rocm-smi"),
    "no render node": (
        lambda fakes: fakes.file(AMD_NODES[0]),
        "/dev/kfd is there, but no /dev/dri/renderD*",
    ),
    "a compute node of root's alone": (
        lambda fakes: fakes.amd(GFX1100, kfd=0o600),
        "/dev/kfd is there, but uid 10001 may not read and write it",
    ),
    "a render node of root's alone": (
        lambda fakes: fakes.amd(GFX1100, render=0o600),
        "/dev/dri/renderD128 is there, but uid 10001 may not read and write it",
    ),
    "a kernel that lists processors only": (
        lambda fakes: fakes.amd(CPU),
        "the kernel lists no AMD GPU",
    ),
}

#: The last words of a backend, as ggml, HIP and rocBLAS have them, and the reason that is named.
REJECTED = (
    (
        "ggml_cuda_init: failed to initialize ROCm: driver version is insufficient for runtime",
        "the driver is too old for it",
    ),
    ("ROCm error: invalid device function", "it has no kernel for this card"),
    (
        "rocBLAS error: Cannot read /x/library/TensileLibrary.dat: No such file",
        "it has no kernel for this card",
    ),
    (
        "Unable to open /dev/kfd read-write: Permission denied",
        "the GPU's device nodes may not be opened",
    ),
    ("ROCm error: out of memory", "the card has no memory left"),
)


@pytest.fixture(scope="module")
def compiled(engine: Engine, image: dict[str, Any]) -> list[str]:
    """The targets that the image says it has kernels for."""
    if "rocm" not in variants.find(image["variant"]).backends:
        pytest.skip("an image without ROCm")
    path = "/opt/mentator/backends/rocm/targets.txt"
    argv = engine.argv("run", "--rm", "--entrypoint", "cat", image["digest"], path)
    return commands.check(argv).split()


@pytest.mark.parametrize("seen", NOT_FOUND)
@pytest.mark.usefixtures("compiled")
def test_what_is_missing_is_named_and_the_cpu_serves(
    engine: Engine, image: dict[str, Any], tmp_path: Path, seen: str
) -> None:
    make, why = NOT_FOUND[seen]
    fakes = Fakes(tmp_path)
    make(fakes)
    ended = fakes.start(engine, image)
    assert why in row(ended.log, "rocm")
    assert row(ended.log, "chosen") == "chosen  cpu"
    assert ended.code == NOTHINGS_CODE


def test_a_card_of_a_compiled_target_is_probed(
    engine: Engine, image: dict[str, Any], tmp_path: Path, compiled: list[str]
) -> None:
    assert "gfx1100" in compiled
    ended = Fakes(tmp_path).amd(CPU, GFX1100).start(engine, image)
    rows = row(ended.log, "rocm")
    assert "found: gfx1100, /dev/kfd, /dev/dri/renderD128" in rows
    assert "HSA_OVERRIDE" not in rows
    assert "dropped: it finds no device (failed to initialize ROCm" in rows


def test_a_card_of_a_compiled_family_gets_its_override(
    engine: Engine, image: dict[str, Any], tmp_path: Path, compiled: list[str]
) -> None:
    if "gfx1101" in compiled:
        pytest.skip("this image has kernels for gfx1101 itself")
    ended = Fakes(tmp_path).amd(GFX1101).start(engine, image)
    assert "HSA_OVERRIDE_GFX_VERSION=11.0.0: those for gfx1100 are used" in ended.log
    assert "dropped: it finds no device" in row(ended.log, "rocm")


def test_a_card_beside_one_that_has_kernels_is_left_out(
    engine: Engine, image: dict[str, Any], tmp_path: Path, compiled: list[str]
) -> None:
    if "gfx1036" in compiled:
        pytest.skip("this image has kernels for gfx1036 itself")
    ended = Fakes(tmp_path).amd(GFX1036, GFX1100).start(engine, image)
    assert "HIP_VISIBLE_DEVICES=1: " in ended.log
    assert "without gfx1036" in row(ended.log, "rocm")


def test_a_card_without_kernels_is_not_probed_and_the_fix_is_named(
    engine: Engine, image: dict[str, Any], tmp_path: Path, compiled: list[str]
) -> None:
    if "gfx906" in compiled:
        pytest.skip("this image has kernels for gfx906")
    fakes = Fakes(tmp_path).amd(GFX906)
    ended = fakes.start(engine, image, MENTATOR_BACKEND="rocm")
    assert "the image has no kernels for gfx906" in ended.log
    assert "--rocm-targets gfx906" in ended.log
    assert ended.code == 69


@pytest.mark.parametrize(("words", "why"), REJECTED)
@pytest.mark.usefixtures("compiled")
def test_a_backend_that_fails_is_dropped_with_its_reason(
    engine: Engine, image: dict[str, Any], tmp_path: Path, words: str, why: str
) -> None:
    # Half of it is waited where the card has no memory left.
    limit = {"MENTATOR_PROBE_TIMEOUT": "20"}
    ended = Fakes(tmp_path).amd().says("rocm", words).start(engine, image, **limit)
    assert f"dropped: {why}" in row(ended.log, "rocm")
    assert row(ended.log, "chosen") == "chosen  cpu"


@pytest.mark.usefixtures("compiled")
def test_amd_is_tried_after_nvidia(engine: Engine, image: dict[str, Any], tmp_path: Path) -> None:
    ended = Fakes(tmp_path).nvidia_smi().amd(GFX1100).start(engine, image)
    subjects = [line.split()[0] for line in ended.log.splitlines() if "dropped: " in line]
    tried = list(dict.fromkeys(name for name in subjects if name in ("cuda13", "cuda12", "rocm")))
    cuda = ["cuda13", "cuda12"] if "cuda" in variants.find(image["variant"]).backends else []
    assert tried == [*cuda, "rocm"]


@pytest.mark.parametrize("demand", ["cpu", "cuda"])
@pytest.mark.usefixtures("compiled")
def test_another_demand_does_not_look_at_the_card(
    engine: Engine, image: dict[str, Any], tmp_path: Path, demand: str
) -> None:
    ended = Fakes(tmp_path).amd(GFX1100).start(engine, image, MENTATOR_BACKEND=demand)
    assert row(ended.log, "rocm") == f"rocm    not looked at: MENTATOR_BACKEND={demand}"
    assert ended.code == (NOTHINGS_CODE if demand == "cpu" else 69)
