"""The choice of the backend in a real container: the image's own probe and node-llama-cpp, against
broken backends and a good stand-in. For the hardware stands an `nvidia-smi` that answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.backends import variants
from scripts.docker_engine import Engine
from scripts.running import service_client
from tests import containers
from tests.image import shared_objects, stand_in

SMI = "#!/bin/sh\necho 'NVIDIA L4, 23034 MiB, 580.65.06'\n"

PROBE = "/opt/mentator/entrypoint/probe.mjs"

#: A call of the service that ends at once, after the choice.
NOTHING = ("--conf-use", "/no/such/file")

Make = Callable[[Path], object]


def _text(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("an interrupted download", encoding="utf-8")


def _made(**how: Any) -> Make:
    return lambda path: shared_objects.write(path, **how)


#: How a backend can be broken, and the reason that the log has to name.
BROKEN: dict[str, tuple[Make, str]] = {
    "a damaged file": (_text, "its file is damaged"),
    "a missing library": (
        _made(needs="libnone.so.13"),
        "a library is missing in the image (libnone",
    ),
    "not a backend": (_made(entry=None), "it is not a backend of ggml (failed to find"),
    "no start": (_made(), "it is not a backend of ggml (ggml_backend_init returned NULL)"),
    "another version": (
        _made(entry=shared_objects.api_version(1)),
        "it was compiled for another version of llama.cpp (API version (backend: 1",
    ),
    "a crash as it is loaded": (_made(init=shared_objects.CRASH), "segmentation fault"),
    "a crash as it starts": (_made(entry=shared_objects.CRASH), "segmentation fault"),
    "an abort": (_made(entry=shared_objects.ABORT), "it aborted"),
    "a foreign instruction": (_made(init=shared_objects.ILLEGAL), "illegal instruction"),
    "a hang": (_made(init=shared_objects.HANG), "no answer within 8 s (MENTATOR_PROBE_TIMEOUT)"),
}

#: One as CUDA 13, the other as CUDA 12.
PAIRS = list(zip(list(BROKEN)[::2], list(BROKEN)[1::2], strict=True))


@pytest.fixture
def surface(image: dict[str, Any], tmp_path: Path) -> Iterator[Callable[..., list[str]]]:
    """Flags of `docker run` for a container with an NVIDIA card and these backends."""
    if variants.find(image["variant"]).backends == ("cpu",):
        pytest.skip("the cpu variant chooses nothing")

    def flags(**backends: Make) -> list[str]:
        smi = tmp_path / "nvidia-smi"
        smi.write_text(SMI, encoding="utf-8")
        smi.chmod(0o755)
        folder = tmp_path / "backends"
        folder.mkdir(exist_ok=True)
        for name, make in backends.items():
            make(folder / name / "libggml-cuda.so")
        folder.chmod(0o755)
        mounts = {smi: "/usr/bin/nvidia-smi", folder: "/opt/mentator/backends"}
        pairs = [("--volume", f"{source}:{target}:ro") for source, target in mounts.items()]
        return [word for pair in pairs for word in pair]

    yield flags
    shutil.rmtree(tmp_path / "backends", ignore_errors=True)


def row(log: str, subject: str) -> str:
    """The lines of the log on one subject."""
    rows = [line.strip() for line in log.splitlines()]
    return "\n".join(line for line in rows if line.startswith(f"{subject} "))


def test_the_tiny_model_runs_on_the_processor(engine: Engine, image: dict[str, Any]) -> None:
    argv = ["node", PROBE, "false", "/opt/mentator/tiny-model.gguf"]
    ended = containers.to_its_end(engine, image["digest"], command=argv)
    assert ended.code == 0, ended.log
    result = json.loads(next(line for line in ended.log.splitlines() if line.startswith("{")))
    assert result["tokens"] == 2
    assert result["summary"].startswith("CPU, 2 tokens in ")


@pytest.mark.parametrize("pair", PAIRS)
def test_a_broken_backend_is_dropped_with_its_reason(
    engine: Engine,
    image: dict[str, Any],
    surface: Callable[..., list[str]],
    pair: tuple[str, str],
) -> None:
    """The service is reached, on the CPU."""
    (make13, why13), (make12, why12) = (BROKEN[name] for name in pair)
    flags = [*surface(cuda13=make13, cuda12=make12), "--env", "MENTATOR_PROBE_TIMEOUT=8"]
    ended = containers.to_its_end(engine, image["digest"], *flags, command=NOTHING)
    assert f"dropped: {why13}" in row(ended.log, "cuda13")
    assert f"dropped: {why12}" in row(ended.log, "cuda12")
    assert row(ended.log, "chosen") == "chosen  cpu"
    assert ended.code == 2  # the service's own


def test_a_backend_without_a_device_is_dropped(
    engine: Engine, image: dict[str, Any], surface: Callable[..., list[str]]
) -> None:
    flags = surface(cuda13=lambda path: stand_in.put(path, cards=0))
    ended = containers.to_its_end(engine, image["digest"], *flags, command=NOTHING)
    assert row(ended.log, "cuda13") == "cuda13  dropped: it finds no device"
    assert row(ended.log, "cuda12") == "cuda12  dropped: it is not in this image"


def test_a_demand_for_a_broken_backend_is_refused(
    engine: Engine, image: dict[str, Any], surface: Callable[..., list[str]]
) -> None:
    flags = surface(cuda13=BROKEN["an abort"][0], cuda12=BROKEN["a damaged file"][0])
    ended = containers.to_its_end(engine, image["digest"], *flags, "--env", "MENTATOR_BACKEND=cuda")
    assert ended.code == 69
    assert "dropped cuda13: it aborted; dropped cuda12: its file is damaged" in ended.log


def test_the_images_own_backends_are_dropped_where_the_driver_is_missing(
    engine: Engine, image: dict[str, Any], surface: Callable[..., list[str]]
) -> None:
    if "cuda" not in variants.find(image["variant"]).backends:
        pytest.skip("an image without CUDA")
    flags = surface()[:2]
    ended = containers.to_its_end(engine, image["digest"], *flags, command=NOTHING)
    why = "dropped: the driver's library libcuda.so.1 is not in the container"
    assert why in row(ended.log, "cuda13")
    assert why in row(ended.log, "cuda12")
    assert row(ended.log, "chosen") == "chosen  cpu"


def test_the_images_own_rocm_is_dropped_where_the_card_is_a_fake(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    if "rocm" not in variants.find(image["variant"]).backends:
        pytest.skip("an image without ROCm")
    node = tmp_path / "node"
    node.touch()
    node.chmod(0o666)
    flags = [f"--volume={node}:{path}" for path in ("/dev/kfd", "/dev/dri/renderD128")]
    ended = containers.to_its_end(engine, image["digest"], *flags, command=NOTHING)
    assert "dropped: it finds no device" in row(ended.log, "rocm")
    assert row(ended.log, "chosen") == "chosen  cpu"


def test_a_good_backend_is_proven_and_remembered_and_serves(
    engine: Engine, image: dict[str, Any], surface: Callable[..., list[str]], tmp_path: Path
) -> None:
    flags = surface(cuda13=BROKEN["an abort"][0], cuda12=stand_in.put)
    with containers.folder(tmp_path / "data") as data:
        container = containers.describe(image["digest"], data, flags=flags)
        with containers.healthy(engine, container) as running:
            log = running.log()
            assert row(log, "cuda13") == "cuda13  dropped: it aborted"
            assert "proven: Stand-in Card, 8.0 GiB, 2 tokens in" in row(log, "cuda12")
            assert "cuda12  device Stand-in Card: 8192 MiB" in row(log, "cuda12")
            gpu = service_client.get(running.address, "/state")["gpuInfo"]
            assert gpu["type"] == "cuda"
            assert "dropped cuda13: it aborted" in gpu["reason"]
            assert running.stop() == 0
        container = containers.describe(image["digest"], data, flags=flags)
        with containers.healthy(engine, container) as running:
            assert "proven at an earlier start" in row(running.log(), "cuda12")
            assert running.stop() == 0
