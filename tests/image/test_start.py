"""The container with the flags that people use to start containers, and with faults."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.docker_engine import Engine
from scripts.running import service_client
from scripts.shared import commands
from tests import containers

#: The owner (uid) of the data folder, and the flags of `docker run`.
WAYS: dict[str, tuple[int, tuple[str, ...]]] = {
    "an arbitrary user": (12345, ("--user", "12345:12345")),
    "a read-only root": (0, ("--read-only",)),
    "no home": (23456, ("--user", "23456", "--env", "HOME=")),
    "no capabilities": (34567, ("--user", "34567", "--cap-drop", "ALL", "--read-only")),
    "no new privileges": (0, ("--security-opt", "no-new-privileges")),
    "an init process": (0, ("--init",)),
}


@pytest.mark.parametrize("way", WAYS)
def test_container_answers_when_started_with(
    engine: Engine, image: dict[str, Any], tmp_path: Path, way: str
) -> None:
    uid, flags = WAYS[way]
    with containers.folder(tmp_path / "data") as data:
        os.chown(data, uid, uid)
        container = containers.describe(image["digest"], data, flags=flags)
        with containers.healthy(engine, container) as running:
            models = service_client.get(running.address, "/state/models")["models"]
            assert [row["name"] for row in models]
            answer = service_client.prompt(
                running.address,
                {
                    "model": models[0]["name"],
                    "message": {"user": "Say yes."},
                    "options": {"maxTokens": 5},
                },
            )
            assert answer["result"]["data"]


def test_service_runs_as_the_owner_of_the_data_folder_when_started_as_root(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    """The folder belongs to uid 1000: the service runs as 1000 and its files belong to 1000."""
    with containers.folder(tmp_path / "data") as data:
        os.chown(data, 1000, 1000)
        container = containers.describe(image["digest"], data)
        with containers.healthy(engine, container) as running:
            assert running.stop() == 0
        owners = {path.stat().st_uid for path in Path(data).rglob("*")}
        assert owners == {1000}


def test_container_works_with_a_named_volume(engine: Engine, image: dict[str, Any]) -> None:
    container = containers.describe(image["digest"], "")
    container = replace(container, volume=f"{container.name}-data")
    try:
        with containers.healthy(engine, container) as running:
            assert service_client.get(running.address, "/state/models")["models"]
    finally:
        commands.check(engine.argv("volume", "rm", container.volume))


def test_start_fails_and_names_the_fix_when_the_data_folder_is_not_writable(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    with containers.folder(tmp_path / "data") as data:
        Path(data).chmod(0o755)
        volume = f"{data}:/opt/mentator-llm-service/data"
        ended = containers.to_its_end(
            engine, image["digest"], "--user", "12345:12345", "--volume", volume
        )
    assert ended.code not in (0, 1)
    assert "chown" in ended.log
    assert "12345" in ended.log


@pytest.mark.parametrize("backend", ["cuda", "rocm"])
def test_start_fails_when_the_forced_backend_is_not_possible(
    engine: Engine, image: dict[str, Any], backend: str
) -> None:
    ended = containers.to_its_end(engine, image["digest"], "--env", f"MENTATOR_BACKEND={backend}")
    assert ended.code not in (0, 1)
    assert backend in ended.log.lower()


def test_start_fails_when_the_backend_is_unknown(engine: Engine, image: dict[str, Any]) -> None:
    ended = containers.to_its_end(engine, image["digest"], "--env", "MENTATOR_BACKEND=metal")
    assert ended.code not in (0, 1)
    for known in ("auto", "cuda", "rocm", "cpu"):
        assert known in ended.log


def test_start_fails_and_keeps_the_file_when_the_configuration_is_invalid(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    text = '{\n  "log": {"level": "loud"}\n}\n'
    with containers.folder(tmp_path / "data") as data:
        path = Path(data) / "mentator-llm-service.conf.jsonc"
        path.write_text(text, encoding="utf-8")
        volume = f"{data}:/opt/mentator-llm-service/data"
        ended = containers.to_its_end(engine, image["digest"], "--volume", volume)
        assert path.read_text(encoding="utf-8") == text
    assert ended.code == 2
    assert "log.level" in ended.log
    assert "2" in ended.log


def test_version_flag_is_passed_to_the_service(engine: Engine, image: dict[str, Any]) -> None:
    ended = containers.to_its_end(engine, image["digest"], command=["--version"])
    assert ended.code == 0
    assert image["application"]["version"] in ended.log
