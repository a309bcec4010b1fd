"""Real daemons, as root: each test has its own engine, in a folder with a short path."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import docker_engine as engine
from scripts.docker_engine import EngineOptions, client, daemon, folder, process, versions
from scripts.shared import commands
from scripts.shared.errors import EngineUnreachable, UsageError
from scripts.shared.settings import Settings


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings with an engine folder for one test; its daemon is stopped at the end."""
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


def options(settings: Settings) -> EngineOptions:
    return EngineOptions(settings.engine_path(), settings.yes)


def answers(settings: Settings) -> bool:
    return client.ask(folder.host(settings.engine_path())).state == "answers"


def rules(bridge: str) -> list[str]:
    saved = commands.check(["iptables-save"]).splitlines()
    return [line for line in saved if bridge in line]


def test_started_engine_is_new_enough_and_uses_the_containerd_store(
    started: Settings,
) -> None:
    answer = client.ask(folder.host(started.engine_path()))
    assert versions.shortfall(answer.server, client.buildx_version()) == ""
    docker = engine.Engine(host=folder.host(started.engine_path()), own=True)
    info = commands.check(docker.argv("info", "--format", "{{.DriverStatus}} {{.DockerRootDir}}"))
    assert "io.containerd.snapshotter.v1" in info
    assert info.endswith(f"{started.engine_path()}/data")


def test_second_start_keeps_the_running_engine(started: Settings) -> None:
    pid = process.find("dockerd", started.engine_path())
    daemon.start(started.engine_path())
    assert process.find("dockerd", started.engine_path()) == pid


def test_status_shows_the_process_id(started: Settings) -> None:
    pid = process.find("dockerd", started.engine_path())
    assert any(f"pid {pid}" in line for line in engine.status(started.engine_path()))


def test_ensure_starts_an_engine_and_find_does_not(settings: Settings) -> None:
    if client.ask().state == "answers":  # the host's default engine runs: it has priority
        assert engine.find(settings.engine_path()) == engine.ensure(options(settings))
        assert engine.ensure(options(settings)).own is False
        return
    assert engine.find(settings.engine_path()) is None
    assert not list(settings.engine_path().iterdir())
    made = engine.ensure(options(settings))
    assert made.own
    assert made == engine.find(settings.engine_path())


def test_stop_ends_only_its_own_engine(started: Settings) -> None:
    with tempfile.TemporaryDirectory(prefix="eng-", dir="/tmp") as name:
        other = Settings(engine_dir=name)
        daemon.start(other.engine_path())
        try:
            assert engine.stop(started.engine_path())
            assert not answers(started)
            assert answers(other)
        finally:
            assert engine.stop(other.engine_path())
    assert not engine.stop(started.engine_path())


def test_engine_has_its_own_bridge_beside_another_daemon_until_it_stops(settings: Settings) -> None:
    with tempfile.TemporaryDirectory(prefix="eng-", dir="/tmp") as name:
        first = Path(name)
        daemon.start(first)
        try:
            daemon.start(settings.engine_path())
            bridge = f"mentator-{folder.identity(settings.engine_path())[:6]}"
            assert len(rules(bridge)) == 3
            assert commands.capture(["ip", "link", "show", bridge]).code == 0
            engine.stop(settings.engine_path())
            assert rules(bridge) == []
            assert commands.capture(["ip", "link", "show", bridge]).code != 0
        finally:
            daemon.stop(first)


def test_stop_leaves_no_process_and_no_mount(started: Settings) -> None:
    root = folder.exec_root(started.engine_path())
    assert process.find("containerd", root)
    engine.stop(started.engine_path())
    assert process.find("dockerd", started.engine_path()) is None
    assert process.find("containerd", root) is None
    mounts = Path("/proc/mounts").read_text(encoding="utf-8")
    assert str(started.engine_path()) not in mounts
    assert not root.exists()


def test_engine_starts_again_after_it_was_killed(started: Settings) -> None:
    pid = process.find("dockerd", started.engine_path())
    assert pid
    os.kill(pid, signal.SIGKILL)
    daemon.start(started.engine_path())
    assert answers(started)
    assert process.find("dockerd", started.engine_path()) != pid


def test_engine_starts_when_the_pid_file_names_another_process(settings: Settings) -> None:
    sleeper = subprocess.Popen(["sleep", "600"])
    try:
        (settings.engine_path() / "dockerd.pid").write_text(str(sleeper.pid))
        daemon.start(settings.engine_path())
        assert answers(settings)
        engine.stop(settings.engine_path())
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_start_fails_with_the_end_of_the_log_when_the_daemon_exits(settings: Settings) -> None:
    (settings.engine_path() / "data").write_text("a file where a folder must be")
    with pytest.raises(EngineUnreachable, match="ended while it was starting") as caught:
        daemon.start(settings.engine_path())
    assert "points to a file" in caught.value.why
    assert not (settings.engine_path() / "bridge").exists()


def test_error_names_docker_host_when_it_does_not_answer(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(EngineUnreachable, match=r"unix:///nowhere/docker\.sock"):
        engine.ensure(options(settings))
    assert engine.find(settings.engine_path()) is None
    assert not list(settings.engine_path().iterdir())


def test_start_fails_and_creates_nothing_when_the_socket_path_is_too_long(tmp_path: Path) -> None:
    deep = tmp_path / ("e" * 100)
    with pytest.raises(UsageError, match="too long"):
        daemon.start(deep)
    assert not deep.exists()
