from __future__ import annotations

import json
import os
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from scripts.docker_engine import configuration, daemon, folder, mounts, process
from scripts.docker_engine.bridge import Bridge
from scripts.shared import disk_space as space
from scripts.shared.errors import NoSpace, UsageError

E = Path("/var/lib/mentator")


def test_a_configuration_with_all_paths_of_its_own() -> None:
    document = configuration.daemon_json(E, 1400, None, {})
    assert document.pop("exec-root") == str(folder.exec_root(E))
    assert document == {
        "hosts": ["unix:///var/lib/mentator/docker.sock"],
        "data-root": "/var/lib/mentator/data",
        "pidfile": "/var/lib/mentator/dockerd.pid",
        "mtu": 1400,
        "features": {"containerd-snapshotter": True},
        "builder": {"gc": {"enabled": True, "policy": configuration.GC_POLICY}},
    }


def test_beside_another_daemon_iptables_are_left_alone() -> None:
    bridge = Bridge("mentator-abcdef", IPv4Network("10.213.0.0/24"))
    document = configuration.daemon_json(E, 1500, bridge, {})
    assert document["bridge"] == "mentator-abcdef"
    assert document["iptables"] is document["ip6tables"] is False


def test_mirrors_are_taken_over_from_the_host_and_endpoints_are_not(tmp_path: Path) -> None:
    path = tmp_path / "daemon.json"
    path.write_text('{"registry-mirrors": ["https://m.example"], "hosts": ["tcp://0.0.0.0"]}')
    document = configuration.daemon_json(E, 1500, None, configuration.of_host(path))
    assert document["registry-mirrors"] == ["https://m.example"]
    assert document["hosts"] == ["unix:///var/lib/mentator/docker.sock"]


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_hosts_configuration_that_cannot_be_read_is_empty(tmp_path: Path, text: str) -> None:
    path = tmp_path / "daemon.json"
    assert configuration.of_host(path) == {}
    path.write_text(text)
    assert configuration.of_host(path) == {}


def test_the_configurations_json_is_what_argv_names() -> None:
    assert configuration.argv(E) == ["dockerd", "--config-file", "/var/lib/mentator/daemon.json"]
    json.dumps(configuration.daemon_json(E, 1500, None, {}))


def test_a_path_too_long_for_a_socket_is_reported() -> None:
    folder.check_length(Path("/" + "e" * 90))
    with pytest.raises(UsageError, match="too long") as caught:
        folder.check_length(Path("/" + "e" * 91))
    assert "104 bytes" in caught.value.why


def test_the_exec_root_is_short_and_gone_after_a_reboot(tmp_path: Path) -> None:
    assert folder.exec_root(E, tmp_path).parent == tmp_path
    assert folder.exec_root(E, tmp_path) != folder.exec_root(Path("/other"), tmp_path)
    assert folder.exec_root(E, tmp_path / "none") == E / "exec"


def fake_proc(tmp_path: Path, lines: dict[int, list[str]]) -> Path:
    for pid, argv in {1: ["init"], **lines}.items():
        entry = tmp_path / str(pid)
        (entry / "ns").mkdir(parents=True)
        (entry / "ns/net").symlink_to("net:[1]")
        (entry / "cmdline").write_bytes(b"".join(os.fsencode(part) + b"\0" for part in argv))
    (tmp_path / "self").symlink_to("1")
    return tmp_path


OWN = ["/usr/bin/dockerd", "--config-file", f"{E}/daemon.json"]
BY_FLAGS = ["dockerd", "--host", f"unix://{E}/docker.sock"]
LONGER = ["dockerd", "--config-file", f"{E}2/daemon.json"]
EDITOR = ["vi", f"{E}/dockerd.log"]


@pytest.mark.parametrize(
    ("argv", "ours"), [(OWN, True), (BY_FLAGS, True), (LONGER, False), (EDITOR, False), ([], False)]
)
def test_our_daemon_is_known_by_its_command_line(argv: list[str], ours: bool) -> None:
    assert process.is_ours(argv, "dockerd", E) is ours


def test_finds_ours_and_the_others(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, {20: EDITOR, 30: LONGER, 40: OWN})
    assert process.find("dockerd", E, proc) == 40
    assert process.others("dockerd", E, proc) == [30]


def test_a_daemon_in_another_network_namespace_is_ignored(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, {30: LONGER})
    (proc / "30/ns/net").unlink()
    (proc / "30/ns/net").symlink_to("net:[2]")
    assert process.others("dockerd", E, proc) == []


def test_a_zombie_is_not_alive(tmp_path: Path) -> None:
    for pid, state in ((999_999_997, "S"), (999_999_998, "Z")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a) Z b) {state} 1 1 1 0")
    assert process.alive(999_999_997, tmp_path)
    assert not process.alive(999_999_998, tmp_path)
    assert not process.alive(999_999_999, tmp_path)


def test_room_is_asked_of_the_folder_that_is_there(tmp_path: Path) -> None:
    space.require(tmp_path / "a/b", 1, "It")
    with pytest.raises(NoSpace, match=r"It needs 1000000000\.0 GB in .*, which has .* free"):
        space.require(tmp_path / "a/b", 10**18, "It")


def test_the_logs_last_lines(tmp_path: Path) -> None:
    assert daemon.log_tail(tmp_path) == ""
    (tmp_path / "dockerd.log").write_text("a\nb\nc\n")
    assert daemon.log_tail(tmp_path, 2) == "b\nc"


def test_mounts_below_a_folder_the_last_first() -> None:
    table = (
        "/dev/vda / ext4 rw 0 0\n/dev/vda /e/data ext4 rw 0 0\n/dev/vda /e2/data ext4 rw 0 0\n"
        "nsfs /run/mentator-1/netns/default nsfs rw 0 0\n/dev/vda /e/my\\040data ext4 rw 0 0\n"
    )
    assert mounts.below(table, [Path("/e"), Path("/run/mentator-1")]) == [
        Path("/e/my data"),
        Path("/run/mentator-1/netns/default"),
        Path("/e/data"),
    ]


def test_nothing_mounted_is_nothing_left(tmp_path: Path) -> None:
    assert mounts.release([tmp_path], tmp_path / "none")


def test_the_collector_drops_layers_before_the_compilers_caches() -> None:
    document = configuration.daemon_json(E, 1500, None, {})
    *before, last = document["builder"]["gc"]["policy"]
    assert not any(rule.get("all") for rule in before), "cache mounts are in the last rule only"
    assert [rule["filter"] for rule in before] == [["type=source.local"], ["type=regular"]]
    free = [int(rule["minFreeSpace"].removesuffix("GB")) for rule in (*before, last)]
    assert free == sorted(free, reverse=True)
    assert int(before[-1]["maxUsedSpace"].removesuffix("GB")) >= 40
