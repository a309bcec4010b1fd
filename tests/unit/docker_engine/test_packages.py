from __future__ import annotations

import pytest

from scripts.docker_engine import packages
from scripts.without_registry import engine_from_testing


@pytest.mark.parametrize(
    ("present", "name"),
    [({"apt-get"}, "apt"), ({"dnf"}, "dnf"), ({"apk"}, "apk"), ({"brew"}, ""), (set(), "")],
)
def test_the_manager_is_the_one_on_path(present: set[str], name: str) -> None:
    assert packages.manager(lambda program: program if program in present else None) == name


@pytest.mark.parametrize(
    ("name", "what", "argv"),
    [
        (
            "apt",
            "engine",
            "apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "
            "docker.io docker-buildx docker-cli iptables iproute2",
        ),
        (
            "apt",
            "plugin",
            "apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends docker-buildx",
        ),
        (
            "dnf",
            "engine",
            "dnf install -y moby-engine docker-cli docker-buildx iptables-nft iproute",
        ),
        ("dnf", "plugin", "dnf install -y docker-buildx"),
        (
            "zypper",
            "engine",
            "zypper --non-interactive install docker docker-buildx iptables iproute2",
        ),
        ("pacman", "plugin", "pacman -S --noconfirm --needed docker-buildx"),
        ("apk", "engine", "apk add docker docker-cli-buildx iptables iproute2"),
    ],
)
def test_install_argv(name: str, what: str, argv: str) -> None:
    assert packages.install_argv(name, what) == argv.split()


def test_from_testing_only_what_the_release_has_too_old() -> None:
    argv = engine_from_testing.install_argv(["-o", "A=b"], "engine")
    assert argv[:3] == ["apt-get", "-o", "A=b"]
    assert argv[argv.index("--no-install-recommends") + 1 :] == [
        "docker.io/testing",
        "docker-buildx/testing",
        "docker-cli/testing",
        "iptables",
        "iproute2",
        "containerd/testing",
    ]
    assert engine_from_testing.install_argv([], "plugin")[-1] == "docker-buildx/testing"
    assert "containerd/testing" not in engine_from_testing.install_argv([], "plugin")
