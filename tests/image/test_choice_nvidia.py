"""The choice on an NVIDIA machine, walked through in the real image: each reason to drop it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.backends import variants
from scripts.docker_engine import Engine
from tests.image import shared_objects
from tests.image.gpu_surface import CARD, LIBCUDA, NOTHINGS_CODE, Fakes, row

#: What of a card can be seen, and why nothing is probed then.
NOT_FOUND: dict[str, tuple[Callable[[Fakes], object], str]] = {
    "nothing": (
        lambda _: None,
        "no nvidia-smi, no /dev/nvidiactl, no /dev/dxg",
    ),
    "a driver that is gone": (
        lambda fakes: fakes.nvidia_smi("echo 'no word from the driver'; exit 9"),
        "nvidia-smi fails with 9: no word from the driver",
    ),
    "no device": (
        lambda fakes: fakes.nvidia_smi("echo 'No devices were found'"),
        "nvidia-smi says: No devices were found",
    ),
    "a lost card": (
        lambda fakes: fakes.nvidia_smi("exec sleep 60"),
        "nvidia-smi does not answer within 5 s",
    ),
    "nodes of root alone": (
        lambda fakes: fakes.nvidia_nodes(mode=0o600),
        "/dev/nvidiactl is there, but uid 10001 may not read and write it",
    ),
    "nodes without the driver's library": (
        lambda fakes: fakes.nvidia_nodes().file(LIBCUDA, ""),
        "/dev/nvidiactl is there, but no libcuda.so.1 that can be loaded",
    ),
    "WSL without the driver's library": (
        lambda fakes: fakes.file("/dev/dxg"),
        "/dev/dxg is there, but no libcuda.so.1",
    ),
}

#: The last words of a backend, as ggml, CUDA and the driver have them, and the reason named.
#: Pairs, so that one container has one as CUDA 13 and one as CUDA 12.
REJECTED: tuple[tuple[tuple[str, str], tuple[str, str]], ...] = (
    (
        (
            "CUDA error: the provided PTX was compiled with an unsupported toolchain.",
            "the driver is too old for it",
        ),
        (
            "CUDA error: no kernel image is available for execution on the device",
            "it has no kernel for this card",
        ),
    ),
    (
        (
            "ggml_cuda_init: failed to initialize CUDA: "
            "unsupported display driver / cuda driver combination",
            "the parts of the driver do not fit each other",
        ),
        (
            "ggml_cuda_init: failed to initialize CUDA: system not yet initialized",
            "the machine's GPU switches are not ready",
        ),
    ),
    (
        (
            "ggml_cuda_init: failed to initialize CUDA: "
            "CUDA driver version is insufficient for CUDA runtime version",
            "the driver is too old for it",
        ),
        ("CUDA error: out of memory", "the card has no memory left"),
    ),
    (
        (
            "ggml_cuda_init: failed to initialize CUDA: no CUDA-capable device is detected",
            "it finds no device",
        ),
        ("CUDA error: an illegal memory access was encountered", "it aborted"),
    ),
    (
        (
            "CUDA error: CUDA-capable device(s) is/are busy or unavailable",
            "the card is taken by another process",
        ),
        (
            "ggml_cuda_init: failed to initialize CUDA: unknown error",
            "after a suspend nvidia_uvm hangs",
        ),
    ),
)


@pytest.fixture(autouse=True)
def _with_cuda(image: dict[str, Any]) -> None:
    if "cuda" not in variants.find(image["variant"]).backends:
        pytest.skip("an image without CUDA")


@pytest.mark.parametrize("seen", NOT_FOUND)
def test_what_is_missing_is_named_and_the_cpu_serves(
    engine: Engine, image: dict[str, Any], tmp_path: Path, seen: str
) -> None:
    make, why = NOT_FOUND[seen]
    fakes = Fakes(tmp_path)
    make(fakes)
    ended = fakes.start(engine, image)
    assert row(ended.log, "cuda").startswith("cuda    not possible: ")
    assert why in row(ended.log, "cuda")
    assert row(ended.log, "chosen") == "chosen  cpu"
    assert ended.code == NOTHINGS_CODE


@pytest.mark.parametrize("pair", REJECTED)
def test_a_backend_that_fails_is_dropped_with_its_reason(
    engine: Engine,
    image: dict[str, Any],
    tmp_path: Path,
    pair: tuple[tuple[str, str], tuple[str, str]],
) -> None:
    fakes = Fakes(tmp_path).nvidia_smi()
    for name, (words, _) in zip(("cuda13", "cuda12"), pair, strict=True):
        fakes.says(name, words)
    # Half of it is waited where the card has no memory left.
    ended = fakes.start(engine, image, MENTATOR_PROBE_TIMEOUT="20")
    for name, (words, why) in zip(("cuda13", "cuda12"), pair, strict=True):
        dropped = row(ended.log, name)
        assert f"{name}  dropped: " in dropped
        assert why in dropped
        assert words.rpartition(": ")[2].rstrip(".") in dropped, "and its own words"
    assert row(ended.log, "chosen") == "chosen  cpu"


def test_without_the_drivers_library_the_images_own_backends_are_dropped(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    ended = Fakes(tmp_path).nvidia_smi(CARD).start(engine, image)
    for name in ("cuda13", "cuda12"):
        assert "the driver's library libcuda.so.1 is not in the container" in row(ended.log, name)


def test_a_driver_that_is_no_driver_is_reported(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    fakes = Fakes(tmp_path).nvidia_nodes().file(LIBCUDA, "not a library")
    ended = fakes.start(engine, image)
    why = "/dev/nvidiactl is there, but no libcuda.so.1 that can be loaded"
    assert f"{why} (file too short)" in row(ended.log, "cuda")
    assert row(ended.log, "cuda13") == ""
    assert row(ended.log, "chosen") == "chosen  cpu"


def test_a_driver_in_a_mounted_folder_that_the_loader_does_not_know_is_found(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    """As on Google's Kubernetes. The library is one without a driver: the probe says what it is."""
    folder = tmp_path / "lib64"
    shared_objects.write(folder / "libcuda.so.1", entry=shared_objects.RETURN)
    tmp_path.chmod(0o755)
    folder.chmod(0o755)
    fakes = Fakes(tmp_path).nvidia_nodes()
    fakes.mounts["/usr/local/nvidia/lib64"] = folder
    ended = fakes.start(engine, image)
    assert "found: /dev/nvidiactl and libcuda.so.1" in row(ended.log, "cuda")
    assert "cuda13  dropped: " in row(ended.log, "cuda13")
    assert "libcuda.so.1 is not in the container" not in row(ended.log, "cuda13")


def test_a_demand_that_fails_ends_the_container(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    ended = Fakes(tmp_path).nvidia_smi().start(engine, image, MENTATOR_BACKEND="cuda")
    assert ended.code == 69
    assert "MENTATOR_BACKEND=cuda is not possible here" in ended.log
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility" in ended.log


@pytest.mark.parametrize("demand", ["cpu", "rocm"])
def test_another_demand_does_not_look_at_the_card(
    engine: Engine, image: dict[str, Any], tmp_path: Path, demand: str
) -> None:
    ended = Fakes(tmp_path).nvidia_smi().start(engine, image, MENTATOR_BACKEND=demand)
    assert row(ended.log, "cuda") == f"cuda    not looked at: MENTATOR_BACKEND={demand}"
    assert row(ended.log, "cuda13") == ""
    assert ended.code == (NOTHINGS_CODE if demand == "cpu" else 69)
