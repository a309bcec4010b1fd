"""A mode is added by one row of the table and one plugin: `up` runs it in the real image.

The checkout is a copy whose table has the row; the image has the same table and, as the plugin, a
stand-in that computes on the CPU and calls itself a card.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.docker_engine import Engine
from scripts.running import service_client
from scripts.shared import commands
from tests import containers, fake_mode
from tests.image import stand_in

#: Where the image has its copy of the table.
TABLE = "/opt/mentator/backends.json"


@pytest.fixture(scope="module")
def fake_image(
    engine: Engine, image: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The image under test with the row and the plugin; nothing else is changed."""
    files = tmp_path_factory.mktemp("files") / "mentator"
    stand_in.put(files / "backends" / fake_mode.NAME / "libggml-fake.so")
    container = commands.check(engine.argv("create", image["digest"]))
    made = ""
    try:
        commands.check(engine.argv("cp", f"{container}:{TABLE}", str(files / "backends.json")))
        fake_mode.add(files / "backends.json")
        (files / "backends.json").chmod(0o644)
        commands.check(engine.argv("cp", f"{files}/.", f"{container}:/opt/mentator/"))
        made = commands.check(engine.argv("commit", container)).strip()
        yield made
    finally:
        commands.check(engine.argv("rm", container))
        if made:
            commands.capture(engine.argv("image", "rm", made))


@pytest.fixture
def checkout(fake_image: str, tmp_path: Path) -> Path:
    """A copy of the checkout with the row, in which this image was built last."""
    node = tmp_path / "fake0"
    node.touch()
    copy = fake_mode.copy_checkout(tmp_path / "checkout", [node])
    (copy / "build").mkdir()
    record = {"digest": fake_image, "variant": fake_mode.NAME, "tags": []}
    (copy / "build" / "image.json").write_text(json.dumps(record), encoding="utf-8")
    return copy


@pytest.fixture
def environment(tmp_path: Path, checkout: Path) -> Iterator[dict[str, str]]:
    with containers.folder(tmp_path / "data") as data:
        yield (
            environment := {
                **os.environ,
                "MENTATOR_NAME": f"mentator-test-{uuid.uuid4().hex[:10]}",
                "MENTATOR_PORT": str(containers.free_port()),
                "MENTATOR_DATA": data,
            }
        )
        mentator(checkout, environment, "down")
        shutil.rmtree(data, ignore_errors=True)


def mentator(
    checkout: Path, environment: dict[str, str], *words: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "invoke", "--search-root", str(checkout), *words],
        env=environment,
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("demand", ["auto", "fake"])
def test_up_runs_a_mode_that_only_the_table_knows(
    checkout: Path, environment: dict[str, str], demand: str
) -> None:
    environment |= {"MENTATOR_BACKEND": demand}
    up = mentator(checkout, environment, "up", "--yes")
    log = mentator(checkout, environment, "logs").stdout
    assert up.returncode == 0, up.stdout + up.stderr + log
    assert "chosen  fake with /opt/mentator/backends/fake/libggml-fake.so" in log
    state = service_client.get(f"http://127.0.0.1:{environment['MENTATOR_PORT']}", "/state")
    assert state["gpuInfo"]["type"] == "fake"


def test_image_refuses_it_with_its_reason_when_the_hardware_is_missing(
    engine: Engine, fake_image: str
) -> None:
    ended = containers.to_its_end(engine, fake_image, "--env", "MENTATOR_BACKEND=fake")
    assert ended.code == 69
    assert "no /dev/fake0" in ended.log
    assert "Give the container the fake card" in ended.log
