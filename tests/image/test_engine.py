"""Real daemons, as root: an engine of its own in a short folder, beside whatever else runs."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import docker_engine as engine
from scripts.docker_engine import client, daemon, folder, process, versions
from scripts.shared import commands
from scripts.shared.errors import EngineUnreachable, UsageError
from scripts.shared.settings import Settings


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings with an engine folder of this test's, whose daemon is gone afterwards."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    with tempfile.TemporaryDirectory(prefix="eng-", dir="/tmp") as name:
        own = Settings(engine_dir=name)
        yield own
        daemon.stop(own.engine_path())


@pytest.fixture
def started(settings: Settings) -> Settings:
    daemon.start(settings.engine_path())
    return settings


def answers(settings: Settings) -> bool:
    return client.ask(folder.host(settings.engine_path())).state == "answers"


def rules(bridge: str) -> list[str]:
    saved = commands.check(["iptables-save"]).splitlines()
    return [line for line in saved if bridge in line]


def test_a_started_engine_reaches_the_floors_and_uses_the_containerd_store(
    started: Settings,
) -> None:
    answer = client.ask(folder.host(started.engine_path()))
    assert versions.shortfall(answer.server, client.buildx_version()) == ""
    docker = engine.Engine(host=folder.host(started.engine_path()), own=True)
    info = commands.check(docker.argv("info", "--format", "{{.DriverStatus}} {{.DockerRootDir}}"))
    assert "io.containerd.snapshotter.v1" in info
    assert info.endswith(f"{started.engine_path()}/data")


def test_a_second_start_changes_nothing(started: Settings) -> None:
    pid = process.find("dockerd", started.engine_path())
    daemon.start(started.engine_path())
    assert process.find("dockerd", started.engine_path()) == pid


def test_status_names_the_process(started: Settings) -> None:
    pid = process.find("dockerd", started.engine_path())
    assert any(f"pid {pid}" in line for line in engine.status(started))


def test_ensure_starts_what_find_only_looks_for(settings: Settings) -> None:
    if client.ask().state == "answers":  # a host whose default engine runs: it goes first
        assert engine.find(settings) == engine.ensure(settings)
        assert engine.ensure(settings).own is False
        return
    assert engine.find(settings) is None
    assert not list(settings.engine_path().iterdir())
    made = engine.ensure(settings)
    assert made.own
    assert made == engine.find(settings)


def test_stop_ends_this_engine_and_no_other(started: Settings) -> None:
    with tempfile.TemporaryDirectory(prefix="eng-", dir="/tmp") as name:
        other = Settings(engine_dir=name)
        daemon.start(other.engine_path())
        try:
            assert engine.stop(started)
            assert not answers(started)
            assert answers(other)
        finally:
            assert engine.stop(other)
    assert not engine.stop(started)


def test_beside_another_daemon_it_has_a_bridge_that_goes_with_it(settings: Settings) -> None:
    with tempfile.TemporaryDirectory(prefix="eng-", dir="/tmp") as name:
        first = Path(name)
        daemon.start(first)
        try:
            daemon.start(settings.engine_path())
            bridge = f"mentator-{folder.identity(settings.engine_path())[:6]}"
            assert len(rules(bridge)) == 3
            assert commands.capture(["ip", "link", "show", bridge]).code == 0
            engine.stop(settings)
            assert rules(bridge) == []
            assert commands.capture(["ip", "link", "show", bridge]).code != 0
        finally:
            daemon.stop(first)


def test_stop_leaves_no_process_and_no_mount(started: Settings) -> None:
    root = folder.exec_root(started.engine_path())
    assert process.find("containerd", root)
    engine.stop(started)
    assert process.find("dockerd", started.engine_path()) is None
    assert process.find("containerd", root) is None
    mounts = Path("/proc/mounts").read_text(encoding="utf-8")
    assert str(started.engine_path()) not in mounts
    assert not root.exists()


def test_after_a_kill_the_engine_starts_again(started: Settings) -> None:
    pid = process.find("dockerd", started.engine_path())
    assert pid
    os.kill(pid, signal.SIGKILL)
    daemon.start(started.engine_path())
    assert answers(started)
    assert process.find("dockerd", started.engine_path()) != pid


def test_a_pid_file_whose_number_is_anothers_is_no_hindrance(settings: Settings) -> None:
    sleeper = subprocess.Popen(["sleep", "600"])
    try:
        (settings.engine_path() / "dockerd.pid").write_text(str(sleeper.pid))
        daemon.start(settings.engine_path())
        assert answers(settings)
        engine.stop(settings)
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_daemon_that_dies_tells_the_end_of_its_log(settings: Settings) -> None:
    (settings.engine_path() / "data").write_text("a file where a folder must be")
    with pytest.raises(EngineUnreachable, match="ended while it was starting") as caught:
        daemon.start(settings.engine_path())
    assert "points to a file" in caught.value.why
    assert not (settings.engine_path() / "bridge").exists()


def test_a_dead_docker_host_is_told_by_its_name(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(EngineUnreachable, match=r"unix:///nowhere/docker\.sock"):
        engine.ensure(settings)
    assert engine.find(settings) is None
    assert not list(settings.engine_path().iterdir())


def test_a_folder_too_deep_for_a_socket_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    deep = tmp_path / ("e" * 100)
    with pytest.raises(UsageError, match="too long"):
        daemon.start(deep)
    assert not deep.exists()
