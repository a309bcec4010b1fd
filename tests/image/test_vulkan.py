"""Vulkan for real: Mesa's lavapipe computes on the CPU, and is a Vulkan device like any other.

The tests mount it and name it as a user names a driver of their own: the image does not have it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts.backends import variants
from scripts.docker_engine import Engine
from scripts.running import service_client
from scripts.running.container import DATA
from scripts.shared import commands
from scripts.shared.settings import Settings
from tests import containers
from tests.image import lavapipe
from tests.image.gpu_surface import NOTHING, NOTHINGS_CODE, Fakes, row

DRIVER = {"VK_DRIVER_FILES": "/lavapipe/lavapipe.json"}

#: The first device, whatever its kind.
FIRST = {"GGML_VK_VISIBLE_DEVICES": "0"}

DEMAND = {"MENTATOR_BACKEND": "vulkan"}

#: Seconds. lavapipe compiles every shader with LLVM, where its cache does not have it.
LIMIT = 3000

#: Under 64 tokens with its template: a longer prompt needs other shaders.
PROMPT = {
    "model": "tiny.gguf",
    "message": {"user": "Hello"},
    "options": {"maxTokens": 16, "temperature": 0},
    "durationMsec": LIMIT * 1000,
}

RENDER_NODE = "/dev/dri/renderD128"


@dataclass(frozen=True)
class Machine:
    """Starts the image beside lavapipe, on a data folder that holds the tiny model."""

    engine: Engine
    digest: str
    mounts: tuple[str, ...]
    data: str

    def flags(self, **environment: str) -> list[str]:
        """The flags of `docker run`, but for the data folder."""
        limit = {"MENTATOR_PROBE_TIMEOUT": str(LIMIT)}
        return [*self.mounts, *(f"--env={k}={v}" for k, v in {**limit, **environment}.items())]

    def choose(self, **environment: str) -> containers.Ended:
        """Start it up to the service's own first look."""
        flags = [*self.flags(**environment), f"--volume={self.data}:{DATA}"]
        return containers.to_its_end(
            self.engine, self.digest, *flags, command=NOTHING, timeout=LIMIT
        )

    def serve(self, **environment: str) -> tuple[dict[str, Any], str, str]:
        """Its state, its answer to the prompt, and its log."""
        container = containers.describe(
            self.digest, self.data, flags=self.flags(**environment), mode=None
        )
        with containers.healthy(self.engine, container) as running:
            answer = service_client.prompt(running.address, PROMPT)["result"]["data"]
            state: dict[str, Any] = service_client.get(running.address, "/state")
            log = running.log()
            assert running.stop() == 0, log
        return state, answer, log


@pytest.fixture(scope="module")
def machine(
    engine: Engine,
    image: dict[str, Any],
    settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Machine]:
    """The image beside lavapipe."""
    needs_vulkan(image)
    drivers = tmp_path_factory.mktemp("lavapipe")
    lavapipe.put(drivers)
    shaders = settings.cache_path() / "lavapipe-shaders"
    shaders.mkdir(parents=True, exist_ok=True)
    shaders.chmod(0o777)  # the container's user is another one where root runs the tests
    mounts = (
        f"--volume={drivers}:/lavapipe:ro",
        f"--volume={shaders}:/shaders",
        "--env=MESA_SHADER_CACHE_DIR=/shaders",
    )
    with containers.folder(tmp_path_factory.mktemp("vulkan") / "data") as data:
        put_tiny_model(engine, image["digest"], Path(data))
        yield Machine(engine, image["digest"], mounts, data)
    shutil.rmtree(drivers, ignore_errors=True)


def needs_vulkan(image: dict[str, Any]) -> None:
    if "vulkan" not in variants.find(image["variant"]).backends:
        pytest.skip("an image without Vulkan")


def put_tiny_model(engine: Engine, digest: str, data: Path) -> None:
    """Put the probe's model where the service looks for models."""
    (data / "models").mkdir()
    container = commands.check(engine.argv("create", digest))
    try:
        source, target = "/opt/mentator/tiny-model.gguf", data / "models" / "tiny.gguf"
        commands.check(engine.argv("cp", f"{container}:{source}", str(target)))
    finally:
        commands.check(engine.argv("rm", container))


def test_demanded_device_is_found_proven_and_answers_as_the_cpu_does(machine: Machine) -> None:
    ended = machine.choose(**DRIVER, **FIRST, **DEMAND)
    rows = row(ended.log, "vulkan")
    assert f"found: VK_DRIVER_FILES={DRIVER['VK_DRIVER_FILES']}" in rows, ended.log
    assert "proven: llvmpipe (" in rows, ended.log
    assert "device llvmpipe (" in rows
    plugin = "/opt/mentator/backends/vulkan/libggml-vulkan.so"
    assert row(ended.log, "chosen") == f"chosen  vulkan with {plugin}"
    assert ended.code == NOTHINGS_CODE

    state, answer, log = machine.serve(**DRIVER, **FIRST, **DEMAND)
    assert "proven at an earlier start" in row(log, "vulkan")
    assert state["gpuInfo"]["type"] == "vulkan"
    assert state["gpuInfo"]["device"].startswith("llvmpipe (")
    assert state["gpuInfo"]["devices"][0]["totalVramMb"] > 0
    assert state["currentModel"]["gpulayer"] == 3  # the model's two, and its output

    state, cpus_answer, _ = machine.serve()
    assert (state["gpuInfo"]["type"], state["currentModel"]["gpulayer"]) == ("cpu", 0)
    assert answer == cpus_answer != ""


#: What of a demand cannot be met, and the reason that is named.
REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "nothing": ({}, "no /dev/dri/renderD*"),
    "a software device that is not named": (DRIVER, "it finds no device; one that is software"),
    "a number without a device": (
        {**DRIVER, "GGML_VK_VISIBLE_DEVICES": "7"},
        "GGML_VK_VISIBLE_DEVICES names a device that is not there",
    ),
    "a driver that is not there": (
        {"VK_DRIVER_FILES": "/none.json"},
        "no Vulkan driver can be loaded",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_demand_without_a_device_is_refused_with_its_cause(machine: Machine, name: str) -> None:
    given, why = REFUSED[name]
    ended = machine.choose(**given, **DEMAND)
    assert why in ended.log
    assert "MENTATOR_BACKEND=vulkan is not possible here" in ended.log
    assert ended.code == 69


def test_remedy_for_a_missing_device_names_the_flag(machine: Machine) -> None:
    assert "docker run --device /dev/dri" in machine.choose(**DEMAND).log


def test_software_device_is_never_chosen_by_itself(machine: Machine) -> None:
    ended = machine.choose(**DRIVER)
    assert "dropped: it finds no device" in row(ended.log, "vulkan")
    assert row(ended.log, "chosen") == "chosen  cpu"
    assert ended.code == NOTHINGS_CODE


def test_images_own_drivers_load_and_find_no_device_behind_a_fake_node(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    needs_vulkan(image)
    ended = Fakes(tmp_path).file(RENDER_NODE).start(engine, image)
    rows = row(ended.log, "vulkan")
    assert f"found: {RENDER_NODE}" in rows
    assert "dropped: it finds no device" in rows
    assert row(ended.log, "chosen") == "chosen  cpu"


def test_images_own_driver_for_amd_gives_ggml_a_card(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    """radv can be told to stand in for a card; it is one without memory."""
    needs_vulkan(image)
    surface = Fakes(tmp_path).file(RENDER_NODE)
    ended = surface.start(engine, image, RADV_FORCE_FAMILY="navi21")
    why = "dropped: the card has no memory left (No suitable memory type found"
    assert why in row(ended.log, "vulkan"), ended.log


def test_node_of_root_alone_is_refused(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    needs_vulkan(image)
    ended = Fakes(tmp_path).file(RENDER_NODE, mode=0o600).start(engine, image)
    assert f"{RENDER_NODE} is there, but uid 10001 may not" in row(ended.log, "vulkan")
