from __future__ import annotations

from pathlib import Path

from scripts.docker_engine import service
from scripts.docker_engine.handle import Engine


def test_systemd_runs_where_its_folder_is(tmp_path: Path) -> None:
    (tmp_path / "systemd").mkdir()
    assert not service.systemd_runs(tmp_path)
    (tmp_path / "systemd/system").mkdir()
    assert service.systemd_runs(tmp_path)


def test_a_machine_whose_first_process_is_something_else_has_no_init(tmp_path: Path) -> None:
    assert not service.init_runs(tmp_path)
    (tmp_path / "1").mkdir()
    (tmp_path / "1/comm").write_text("tini\n")
    assert not service.init_runs(tmp_path)
    (tmp_path / "1/comm").write_text("init\n")
    assert service.init_runs(tmp_path)


def test_what_an_installation_holds_it_releases() -> None:
    (hold,) = service.HOLD
    unmask, disable = service.RELEASE
    assert hold[:3] == ["systemctl", "mask", "--runtime"]
    assert unmask[:3] == ["systemctl", "unmask", "--runtime"]
    assert hold[3:] == unmask[3:] == disable[2:]


def test_an_engines_argv() -> None:
    assert Engine.of_client().argv("ps") == ["docker", "ps"]
    engine = Engine(host="unix:///e/docker.sock", own=True)
    assert engine.argv("ps", "-q") == ["docker", "--host", "unix:///e/docker.sock", "ps", "-q"]
