"""docker/start-docker.sh: who the service runs as, and whose files are whose."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit import system_surface
from tests.unit.system_surface import ROOT, SOMEBODY, Service, Surface, needs_root


@pytest.fixture
def surface() -> Iterator[Surface]:
    with system_surface.fresh() as made:
        made.without_choice()
        yield made


def owner(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_uid, status.st_gid


def runs_as(service: Service, uid: int, gid: int) -> bool:
    return service.ids("Uid") == [uid] * 4 and service.ids("Gid") == [gid] * 4


def test_another_user_than_root_stays_that_user(surface: Surface) -> None:
    surface.tool("setpriv", 'touch "$RECORD/dropped"; exit 1')
    started = surface.start()
    assert set(started.reached().ids("Uid")) == {SOMEBODY}
    assert not (surface.record / "dropped").exists()
    assert started.row("user") == f"user    uid {SOMEBODY}, as started"


@needs_root
def test_roots_data_folder_goes_to_the_services_user(surface: Surface) -> None:
    surface.own(surface.data, 0)
    surface.defaults(small="abc")
    started = surface.start(uid=ROOT)
    service = started.reached()
    assert runs_as(service, 10001, 10001)
    assert service.ids("Groups") == []
    for path in (surface.data, surface.models, surface.models / "small.gguf"):
        assert owner(path) == (10001, 10001)
    assert started.row("user").startswith("user    uid 10001, gid 10001, groups none; root is left")


@needs_root
def test_the_service_has_no_way_back_to_root(surface: Surface) -> None:
    status = surface.start(uid=ROOT).reached().status
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapInh"], 16) == 0


@needs_root
def test_root_keeps_the_process_too(surface: Surface) -> None:
    started = surface.start(uid=ROOT)
    assert started.reached().ids("Pid") == [started.pid]


@needs_root
def test_options_survive_the_change_of_user(surface: Surface) -> None:
    service = surface.start("--conf-use", "/my conf", uid=ROOT).reached()
    assert service.argv == ["distjs/index.js", "--conf-use", "/my conf"]


@needs_root
def test_roots_home_is_replaced_by_one_that_can_be_written(surface: Surface) -> None:
    home = surface.file("/root/.profile").parent
    home.chmod(0o700)
    assert surface.start(uid=ROOT, env={"HOME": str(home)}).reached().env["HOME"] == str(
        surface.data
    )


@needs_root
def test_a_host_users_folder_is_used_as_that_user(surface: Surface) -> None:
    surface.own(surface.data, 1000, 1001)
    surface.defaults(small="abc")
    assert runs_as(surface.start(uid=ROOT).reached(), 1000, 1001)
    assert owner(surface.data) == (1000, 1001)
    assert owner(surface.models / "small.gguf") == (1000, 1001)


@needs_root
def test_group_zero_is_never_joined(surface: Surface) -> None:
    """The image's own folder is 10001:0, for platforms that pick a uid and keep gid 0."""
    surface.own(surface.data, 10001, 0)
    assert runs_as(surface.start(uid=ROOT).reached(), 10001, 10001)
    assert owner(surface.data) == (10001, 0)


@needs_root
def test_only_what_root_has_left_of_the_service_is_given_away(surface: Surface) -> None:
    surface.own(surface.data, 1000)
    files = ["mentator-llm-service.db", "mentator-llm-service.db-wal", ".default-models"]
    for name in (*files, "notes.txt"):
        surface.file(f"/opt/mentator-llm-service/data/{name}", "", 0o600)
    below = surface.file("/opt/mentator-llm-service/data/tools/mentator-llm-service.txt")
    surface.models.mkdir()
    surface.own(surface.data / "mentator-llm-service.db-wal", 2000)
    surface.start(uid=ROOT).reached()
    assert owner(below) == (0, 0)
    owners = {path.name: owner(path)[0] for path in surface.data.iterdir()}
    assert owners == {
        "mentator-llm-service.db": 1000,
        "mentator-llm-service.db-wal": 2000,
        ".default-models": 1000,
        "notes.txt": 0,
        "tools": 0,
        "models": 1000,
    }


@needs_root
def test_a_link_is_not_followed_when_a_file_is_given_away(surface: Surface) -> None:
    surface.own(surface.data, 1000)
    target = surface.file("/etc/passwd", "root", 0o644)
    (surface.data / "mentator-llm-service.db").symlink_to(target)
    os.link(target, surface.data / "mentator-llm-service.conf.jsonc")
    surface.start(uid=ROOT).reached()
    assert owner(target) == (0, 0)


@needs_root
def test_groups_that_were_added_to_root_are_kept(surface: Surface) -> None:
    surface.tool("id", 'case $1 in -G) echo 0 7777 ;; *) exec /usr/bin/id "$@" ;; esac')
    assert surface.start(uid=ROOT).reached().ids("Groups") == [7777]


@needs_root
def test_root_stays_where_the_engine_forbids_the_change(surface: Surface) -> None:
    """Such as --cap-drop ALL."""
    surface.own(surface.data, 0)
    surface.tool("setpriv", "echo 'setresuid failed' >&2; exit 127")
    started = surface.start(uid=ROOT)
    assert runs_as(started.reached(), 0, 0)
    assert owner(surface.data) == (0, 0)
    expected = "root stays: this engine does not let it become uid 10001"
    assert started.row("user").endswith(expected)
    assert started.err == ""


@needs_root
def test_root_stays_where_the_folder_cannot_be_given_away(surface: Surface) -> None:
    surface.own(surface.data, 0)
    surface.tool("chown", "exit 1")
    started = surface.start(uid=ROOT)
    assert runs_as(started.reached(), 0, 0)
    assert "the data folder cannot be given to uid 10001" in started.row("user")


@needs_root
def test_root_stays_in_a_rootless_engine_where_the_folder_is_its_users(surface: Surface) -> None:
    surface.own(surface.data, 0)
    surface.file("/proc/self/uid_map", "         0       1000          1\n 1 100000 65536\n")
    started = surface.start(uid=ROOT)
    assert runs_as(started.reached(), 0, 0)
    assert owner(surface.data) == (0, 0)
    assert "rootless" in started.row("user")


@needs_root
def test_root_is_left_in_a_rootless_engine_on_a_volume_of_the_services_user(
    surface: Surface,
) -> None:
    surface.own(surface.data, 10001, 0)
    surface.file("/proc/self/uid_map", "         0       1000          1\n 1 100000 65536\n")
    assert runs_as(surface.start(uid=ROOT).reached(), 10001, 10001)


@needs_root
@pytest.mark.parametrize(
    ("uid_map", "groups"), [("0 1000 1", [0, 65534]), ("0 0 4294967295", [65534])]
)
def test_groups_without_a_number_in_a_rootless_engine_are_kept(
    surface: Surface, uid_map: str, groups: list[int]
) -> None:
    """podman run --group-add keep-groups, on a volume of the service's user."""
    surface.own(surface.data, 10001, 0)
    surface.file("/proc/self/uid_map", f"{uid_map}\n")
    service = surface.start(uid=ROOT, groups=[0, 65534]).reached()
    assert service.ids("Uid")[0] == 10001
    assert sorted(service.ids("Groups")) == groups


@needs_root
@pytest.mark.parametrize("uid_map", ["0 0 4294967295", "0 100000 65536"])
def test_root_is_left_with_a_full_map_of_users(surface: Surface, uid_map: str) -> None:
    surface.own(surface.data, 0)
    surface.file("/proc/self/uid_map", f"{uid_map}\n")
    assert runs_as(surface.start(uid=ROOT).reached(), 10001, 10001)


@needs_root
def test_a_missing_data_folder_is_made_and_given(surface: Surface) -> None:
    surface.data.rmdir()
    assert runs_as(surface.start(uid=ROOT).reached(), 10001, 10001)
    assert owner(surface.data) == (10001, 10001)


@needs_root
def test_a_host_user_who_cannot_write_the_own_folder_is_reported(surface: Surface) -> None:
    surface.own(surface.data, 1000)
    surface.data.chmod(0o555)
    started = surface.start(uid=ROOT)
    assert (started.code, started.service) == (73, None)
    assert "cannot be written by 1000:1000" in started.err


def test_only_the_data_folder_needs_to_be_written(surface: Surface) -> None:
    """A read-only root: nothing but data/ (and the test's own record) has changed afterwards."""
    surface.defaults(small="abc")
    for path in (surface.root, surface.app, surface.root / "opt/mentator"):
        path.chmod(0o555)
    surface.start(env={"HOME": "/nonexistent"}).reached()
    for path in (surface.root, surface.app, surface.root / "opt/mentator"):
        path.chmod(0o755)
    image = ["default-models", "distjs", "node_modules", "package.json"]
    assert sorted(path.name for path in surface.app.iterdir()) == ["data", *image]
