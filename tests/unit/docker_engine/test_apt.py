from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.version import Version

from scripts.docker_engine import apt, packages
from scripts.without_registry import apt_sources, engine_from_testing
from scripts.without_registry.apt_sources import Source

DEB822 = """\
Types: deb
# http://snapshot.example/archive
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb-src
URIs: http://mirror.example/debian
Suites: bookworm
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""

ONE_LINE = """\
# deb http://old.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://vendor.example/apt cloud main
deb http://mirror.example/debian bookworm main contrib # the release
deb-src http://mirror.example/debian bookworm main
"""

ARCHIVE = Source(
    ("http://mirror.example/debian",),
    ("bookworm", "bookworm-updates"),
    ("main",),
    "/usr/share/keyrings/debian-archive-keyring.gpg",
)


def test_the_main_archive_in_deb822_format() -> None:
    sources = apt_sources.read({"debian.sources": DEB822})
    assert [source.suites[0] for source in sources] == ["bookworm", "bookworm-security"]
    assert apt_sources.main_archive(sources, "bookworm") == ARCHIVE


def test_the_main_archive_in_the_one_line_format() -> None:
    sources = apt_sources.read({"sources.list": ONE_LINE})
    assert sources[0] == Source(("http://vendor.example/apt",), ("cloud",), ("main",), "/k.gpg")
    found = apt_sources.main_archive(sources, "bookworm")
    assert found == Source(("http://mirror.example/debian",), ("bookworm",), ("main", "contrib"))


def test_a_host_of_vendors_only_has_no_main_archive() -> None:
    sources = apt_sources.read({"x.list": "deb http://vendor.example/apt cloud main\n"})
    assert apt_sources.main_archive(sources, "bookworm") is None


def test_an_inline_key_keeps_its_lines() -> None:
    key = "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n"
    text = f"Types: deb\nURIs: http://m.example/d\nSuites: stable\nComponents: main\n{key}"
    (source,) = apt_sources.read({"d.sources": text})
    assert source.signed_by == "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc"
    again = apt_sources.read({"t.sources": apt_sources.testing_stanza(source)})
    assert again == [Source(source.uris, ("testing",), ("main",), source.signed_by)]


def test_the_testing_stanza_is_the_same_archive() -> None:
    assert apt_sources.testing_stanza(ARCHIVE).splitlines() == [
        "Types: deb",
        "URIs: http://mirror.example/debian",
        "Suites: testing",
        "Components: main",
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
    ]


POLICY_12 = """\
docker.io:
  Installed: (none)
  Candidate: 20.10.24+dfsg1-1+deb12u1+b6
  Version table:
     20.10.24+dfsg1-1+deb12u1+b6 500
        500 http://mirror.example/debian bookworm/main amd64 Packages
"""
POLICY_UBUNTU = """\
docker.io:
  Installed: (none)
  Candidate: 28.2.2-0ubuntu1~24.04.1
  Version table:
docker-buildx:
  Installed: (none)
  Candidate: 0.21.3-0ubuntu1~24.04.1
  Version table:
"""
POLICY_NONE = """\
docker.io:
  Installed: (none)
  Candidate: 26.1.5+dfsg1-9+b1
docker-buildx:
  Installed: (none)
  Candidate: (none)
"""


@pytest.mark.parametrize(
    ("policy", "engine", "source"),
    [
        (POLICY_12, "20.10.24", "testing: docker.io 20.10.24, docker-buildx (none)"),
        (POLICY_UBUNTU, "28.2.2", "the release"),
        (POLICY_NONE, "26.1.5", "testing: docker.io 26.1.5, docker-buildx (none)"),
    ],
)
def test_packages_of_the_release_are_installed_where_they_are_new_enough(
    policy: str, engine: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = []

    def from_testing(_what: str, found: str, _run: object) -> None:
        sources.append(f"testing: {found}")

    def run(argv: Sequence[str]) -> None:
        if list(argv) == packages.install_argv("apt", "engine"):
            sources.append("the release")

    monkeypatch.setattr("scripts.without_registry.install_engine", from_testing)
    monkeypatch.setattr("scripts.shared.commands.check", lambda _: policy)
    monkeypatch.setattr(apt, "run", run)
    monkeypatch.setattr(apt, "_finish_interrupted", lambda: None)
    assert apt.candidates(policy)["docker.io"] == Version(engine)
    apt.install("engine")
    assert sources == [source]


def test_the_private_configuration_leaves_the_hosts_alone() -> None:
    options = engine_from_testing.private_options(Path("/t"))
    assert options[::2] == ["-o"] * 7
    assert options[1::2] == [
        "Dir::Etc::SourceParts=/t/src",
        "Dir::Etc::SourceList=/dev/null",
        "Dir::Etc::Preferences=/t/prefs",
        "Dir::State::Lists=/t/lists",
        "Acquire::Check-Valid-Until=false",
        "Dir::Cache::pkgcache=",
        "Dir::Cache::srcpkgcache=",
    ]


def test_packages_that_were_interrupted_while_being_unpacked() -> None:
    states = "ii  adduser\niHR docker.io\niU  docker-cli\nrc  old\niHR libc6:amd64\n"
    assert apt.half_unpacked(states) == ["docker.io", "libc6:amd64"]
