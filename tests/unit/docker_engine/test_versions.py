from __future__ import annotations

import pytest
from packaging.version import Version

from scripts.docker_engine import versions


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("28.5.2+dfsg4", "28.5.2"),
        ("5:20.10.24+dfsg1-1+deb12u1+b6", "20.10.24"),
        ("v0.12.0", "0.12.0"),
        ("v0.12.0-desktop.2", "0.12.0"),
        ("29.0.0-rc.1", "29.0.0rc1"),
        ("24.0.7-0ubuntu4", "24.0.7"),
        ("1:26.1", "26.1"),
    ],
)
def test_parses_the_release_out_of_a_vendors_version(text: str, release: str) -> None:
    assert versions.parse(text) == Version(release)


@pytest.mark.parametrize("text", ["", "dev", "3ef3c07", "(none)", "github.com/docker/buildx"])
def test_text_without_a_version_gives_none(text: str) -> None:
    assert versions.parse(text) is None


@pytest.mark.parametrize(
    ("line", "release"),
    [
        ("github.com/docker/buildx v0.12.0 542e5d810e4a1a155684f5f3c5bd7e797632a12f", "0.12.0"),
        ("github.com/docker/buildx 0.29.1+ds1 0.29.1+ds1-4", "0.29.1"),
        ("Docker version 28.5.2+dfsg4, build 3ef3c07c883be49a2e8097bcf6d2952fce1d70eb", "28.5.2"),
    ],
)
def test_finds_the_version_in_a_line(line: str, release: str) -> None:
    assert versions.first(line) == Version(release)


def test_a_release_candidate_of_the_floor_is_below_it() -> None:
    assert versions.shortfall(versions.parse("23.0.0-rc.1"), Version("0.12"))


def test_shortfall_names_what_is_there_and_what_is_needed() -> None:
    assert versions.shortfall(Version("23.0"), Version("0.12")) == ""
    assert versions.shortfall(Version("20.10.24"), None) == (
        "The engine is 20.10.24, 23.0 needed; the buildx plugin is not installed, 0.12 needed."
    )
    assert (
        versions.shortfall(Version("28.1"), Version("0.11.2")) == "Buildx is 0.11.2, 0.12 needed."
    )
