from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

from scripts.docker_engine import bridge, network
from scripts.docker_engine.bridge import Bridge

HEAD = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
ROUTES = (
    HEAD
    + "wlan0\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
    + "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
    + "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    + "vpn0\t0000D50A\t00000000\t0001\t0\t0\t0\t00FEFFFF\t0\t0\t0\n"
)


def host(tmp_path: Path, routes: str, mtu: str) -> tuple[Path, Path]:
    proc, sys = tmp_path / "proc", tmp_path / "sys"
    (proc / "net").mkdir(parents=True)
    (proc / "net/route").write_text(routes)
    (sys / "class/net/eth0").mkdir(parents=True)
    (sys / "class/net/eth0/mtu").write_text(mtu)
    return proc, sys


def test_the_default_route_with_the_lowest_metric() -> None:
    assert network.default_device(ROUTES) == "eth0"
    assert network.default_device(HEAD) == ""


def test_the_mtu_is_the_uplinks(tmp_path: Path) -> None:
    assert network.uplink_mtu(*host(tmp_path, ROUTES, "1400\n")) == 1400


def test_without_a_default_route_the_mtu_is_the_usual_one(tmp_path: Path) -> None:
    assert network.uplink_mtu(*host(tmp_path, HEAD, "1400\n")) == 1500
    assert network.uplink_mtu(tmp_path / "none", tmp_path / "none") == 1500


def test_subnets_in_the_machines_byte_order() -> None:
    assert network.subnets(ROUTES) == [IPv4Network("172.17.0.0/16"), IPv4Network("10.213.0.0/23")]


def test_a_free_subnet_overlaps_none() -> None:
    assert network.free_subnet([]) == IPv4Network("10.213.0.0/24")
    assert network.free_subnet(network.subnets(ROUTES)) == IPv4Network("10.213.2.0/24")


def test_removing_the_bridge_undoes_each_command() -> None:
    own = Bridge("mentator-abcdef", IPv4Network("10.213.2.0/24"))
    made = bridge.create_argv(own, 1400)
    assert made[:3] == [
        ["ip", "link", "add", "mentator-abcdef", "mtu", "1400", "type", "bridge"],
        ["ip", "address", "add", "10.213.2.1/24", "dev", "mentator-abcdef"],
        ["ip", "link", "set", "mentator-abcdef", "up"],
    ]
    removed = bridge.remove_argv(own)
    assert [["-I" if word == "-D" else word for word in argv] for argv in removed[:3]] == made[3:]
    assert removed[-1] == ["ip", "link", "delete", "mentator-abcdef"]
    assert len(own.name) <= 15
