"""A further mode is one row of the table of backends and one plugin file: nothing else of the image
changes. The row and the plugin are mounted into the real image; the plugin computes on the CPU."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.docker_engine import Engine
from scripts.running import service_client
from scripts.shared import commands
from scripts.shared.paths import REPOSITORY
from tests import containers
from tests.image import shared_objects, stand_in
from tests.image.gpu_surface import NOTHINGS_CODE, Fakes, row

TABLE = "/opt/mentator/backends.json"
PLUGIN = "/opt/mentator/backends/fake/libggml-fake.so"
NODE = "/dev/fake0"

#: Node-llama-cpp takes the plugin for a CUDA one: that is what the stand-in calls itself.
ROW: dict[str, Any] = {
    "name": "fake",
    "title": "Fake",
    "vendor": {"name": "Nobody"},
    "getLlama": "cuda",
    "candidates": [{"name": "fake"}],
    "container": {
        "profile": "fake",
        "run": ["--device", NODE],
        "remedy": f"Give the container the card (docker run --device {NODE} ...)",
    },
    "signs": [{"nodes": ["dev/fake[0-9]*"]}],
    "watch": ["dev/fake[0-9]*"],
    "environment": {"set": {"FAKE_CARD": "first"}},
    "faults": [
        {
            "match": ["fake error: the cable is loose"],
            "cause": "the card is not plugged in",
            "remedy": "Plug it in",
        }
    ],
}


@pytest.fixture
def fakes(tmp_path: Path) -> Fakes:
    """The table with one more row; no card and no plugin yet."""
    table = json.loads((REPOSITORY / "docker/backends.json").read_text(encoding="utf-8"))
    table["modes"].insert(-1, ROW)  # before the last resort
    return Fakes(tmp_path).file(TABLE, json.dumps(table))


def plugin(fakes: Fakes, put: Callable[[Path], object]) -> Fakes:
    """Put a plugin there."""
    path = fakes.folder / "fake-plugin" / "libggml-fake.so"
    put(path)
    fakes.mounts[PLUGIN] = path
    return fakes


def loose_cable(path: Path) -> None:
    shared_objects.write(path, entry=shared_objects.last_words(ROW["faults"][0]["match"][0]))


def test_it_is_looked_for_proven_chosen_and_listed(
    engine: Engine, image: dict[str, Any], tmp_path: Path, fakes: Fakes
) -> None:
    flags = plugin(fakes.file(NODE), stand_in.put).flags()
    with containers.folder(tmp_path / "data") as data:
        container = containers.describe(image["digest"], data, flags=flags)
        with containers.healthy(engine, container) as running:
            rows = row(running.log(), "fake").splitlines()
            assert rows[0] == f"fake    found: {NODE}"
            assert rows[1].startswith("fake    proven: Stand-in Card, 8.0 GiB, 2 tokens in ")
            assert rows[2] == "fake    device Stand-in Card: 8192 MiB"
            assert row(running.log(), "chosen") == f"chosen  fake with {PLUGIN}"
            assert "fake, cpu" in row(running.log(), "image")
            gpu = service_client.get(running.address, "/state")["gpuInfo"]
            assert (gpu["type"], gpu["lost"]) == ("fake", None)
            assert gpu["devices"] == [{"name": "Stand-in Card", "totalVramMb": 8192}]
            who = ("exec", "--user", "10001", container.name)
            variables = commands.check(engine.argv(*who, "cat", "/proc/1/environ")).split("\0")
            assert "FAKE_CARD=first" in variables
            assert f"MENTATOR_BACKEND_TABLE={TABLE}" in variables
            assert running.stop() == 0


def test_it_can_be_demanded(engine: Engine, image: dict[str, Any], fakes: Fakes) -> None:
    surface = plugin(fakes.file(NODE), stand_in.put)
    ended = surface.start(engine, image, MENTATOR_BACKEND="fake")
    assert row(ended.log, "chosen") == f"chosen  fake with {PLUGIN}"
    assert row(ended.log, "cuda") == "cuda    not looked at: MENTATOR_BACKEND=fake"
    assert ended.code == NOTHINGS_CODE


def test_without_its_node_it_is_refused_with_the_rows_remedy(
    engine: Engine, image: dict[str, Any], fakes: Fakes
) -> None:
    surface = plugin(fakes, stand_in.put)
    ended = surface.start(engine, image)
    assert row(ended.log, "fake") == "fake    not possible: no /dev/fake[0-9]*"
    assert row(ended.log, "chosen") == "chosen  cpu"
    forced = surface.start(engine, image, MENTATOR_BACKEND="fake")
    assert forced.code == 69
    assert "MENTATOR_BACKEND=fake is not possible here" in forced.log
    assert f"docker run --device {NODE}" in forced.log


def test_a_broken_plugin_is_refused_with_the_rows_cause_and_remedy(
    engine: Engine, image: dict[str, Any], fakes: Fakes
) -> None:
    surface = plugin(fakes.file(NODE), loose_cable)
    ended = surface.start(engine, image)
    why = "the card is not plugged in (the cable is loose; it aborted)"
    assert f"fake    dropped: {why}" in row(ended.log, "fake")
    assert row(ended.log, "chosen") == "chosen  cpu"
    forced = surface.start(engine, image, MENTATOR_BACKEND="fake")
    assert forced.code == 69
    assert f"dropped fake: {why}" in forced.log
    assert "next: Plug it in, or set MENTATOR_BACKEND=auto" in forced.log


def test_a_word_that_is_not_a_mode_is_refused_with_all_modes(
    engine: Engine, image: dict[str, Any], fakes: Fakes
) -> None:
    ended = fakes.start(engine, image, MENTATOR_BACKEND="metal")
    assert ended.code == 64
    assert "It may be auto, cuda, rocm, vulkan, fake or cpu." in ended.log
