"""A mode is added by one row of docker/backends.json: the commands of a checkout that has it."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.backends import local
from scripts.backends import table as backends
from scripts.host import hardware
from scripts.running.container import run_argv
from scripts.running.up_request import build_settings, container_for
from scripts.shared import commands
from scripts.shared.settings import Settings
from tests import fake_mode

#: The modes of the copy, as they are listed.
NAMES = ", ".join([*backends.read().names[:-1], "fake", "cpu"])

#: A proxy that refuses at once: no test waits for a network.
NO_NETWORK = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The device node of the fake card, which is there."""
    path = tmp_path_factory.mktemp("dev") / "fake0"
    path.touch()
    return path


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory, node: Path) -> Path:
    return fake_mode.copy_checkout(tmp_path_factory.mktemp("checkout"), [node])


def run(copy: Path, *words: str, **env: str) -> commands.Result:
    argv = [sys.executable, "-m", "invoke", "--search-root", str(copy), *words]
    return commands.capture(argv, cwd=copy, env={**NO_NETWORK, **env}, timeout=120)


def finding(copy: Path) -> dict[str, Any]:
    """What `doctor` says of the fake card; its exit code is about the whole machine."""
    done = run(copy, "doctor", "--json")
    assert done.code in (0, 60), done.err
    rows: list[dict[str, Any]] = json.loads(done.out[done.out.index("[") :])
    return next(row for row in rows if row["name"] == fake_mode.TITLE)


def test_config_lists_it(copy: Path) -> None:
    done = run(copy, "config", MENTATOR_BACKEND="fake")
    lines = {line.split()[0]: line for line in done.out.splitlines()}
    assert lines["backend"].endswith(f"(one of: auto, {NAMES}; default: auto)")
    assert lines["backend"].split()[1:3] == ["fake", "(environment)"]
    assert lines["variant"].endswith(f"(one of: universal, {NAMES}; default: universal)")


@pytest.mark.parametrize("task", ["build", "up"])
def test_help_lists_it(copy: Path, task: str) -> None:
    words = re.sub(r"\s+", " ", run(copy, task, "--help").out)
    assert re.search(rf"(universal|auto), {NAMES}", words)


def test_another_name_is_refused_with_the_names_that_there_are(copy: Path) -> None:
    done = run(copy, "up", "--backend", "metal")
    assert done.code == 2
    assert f"one of auto, {NAMES}" in done.err


def test_doctor_has_its_row(copy: Path, node: Path) -> None:
    assert finding(copy) == {
        "name": "Fake accelerator",
        "state": "pass",
        "detail": str(node),
        "next": "",
    }


def test_doctor_says_where_there_is_none(copy: Path, node: Path) -> None:
    aside = node.with_name("aside")
    shutil.move(node, aside)
    try:
        assert finding(copy)["detail"] == "none: CPU"
    finally:
        shutil.move(aside, node)


def test_build_plans_its_variant(copy: Path) -> None:
    done = run(copy, "build", "--dry", "--variant", "fake", "--bases", "packages")
    assert done.code == 0, done.err
    command = done.out.splitlines()[-1]
    assert "--target image " in command
    assert "--build-arg VARIANT=fake " in command
    assert "--tag mentator/mentator-llm-service:latest-fake " in command


def test_up_gives_its_container_the_hardware(copy: Path) -> None:
    """The decision of `up`; tests/image/test_fake_mode.py starts the container."""
    table = backends.read(copy / "docker" / "backends.json")
    found = [each for each in hardware.find(table, None) if each.mode.name == "fake"]
    choice = local.choose(table, hardware.present(found))
    assert build_settings(choice, Settings()).variant == "fake"
    argv = run_argv(container_for(choice, Settings(), "sha256:1", Path("/data")))
    assert argv[argv.index("--device") :] == ["--device", "/dev/null:/dev/fake0", "sha256:1"]
    demanded = local.choose(table, {}, "fake")
    argv = run_argv(container_for(demanded, Settings(backend="fake"), "sha256:1", Path("/data")))
    assert argv[-5:] == [*fake_mode.FLAGS, "--env", "MENTATOR_BACKEND=fake", "sha256:1"]


def test_a_fault_in_the_row_is_told_by_every_task(tmp_path: Path) -> None:
    copy = fake_mode.copy_checkout(tmp_path, [])
    path = copy / "docker" / "backends.json"
    path.write_text(path.read_text().replace('"profile": "fake"', '"profil": "fake"'))
    done = run(copy, "config")
    assert done.code == 2
    assert "unknown field `profil` - at `row fake.container`" in done.err
    assert "Traceback" not in done.err
