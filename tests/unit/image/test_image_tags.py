from __future__ import annotations

import itertools

import pytest

from scripts.application.semantic_version import SemanticVersion, parse
from scripts.image.image_tags import Published, check, is_newer, local, published
from scripts.shared.errors import UsageError

COMMIT = "c0ffee" + "0" * 34
NAMES = ("universal", "cuda", "rocm", "cpu")


def test_a_build_has_latest_and_its_version() -> None:
    assert local("a/b", "1.0.0", "universal") == ("a/b:latest", "a/b:1.0.0")
    assert local("a/b", "1.0.0", "cpu") == ("a/b:latest-cpu", "a/b:1.0.0-cpu")
    assert local("a/b", "1.0.0+build5", "cpu") == ("a/b:latest-cpu", "a/b:1.0.0_build5-cpu")


def test_a_release_has_all_tags() -> None:
    fixed, moving = ("1.4.2", "c0ffee000000"), ("1.4", "1", "latest")
    assert published("1.4.2", "universal", COMMIT) == Published(fixed, moving)


def test_every_tag_of_another_variant_ends_in_its_name() -> None:
    fixed, moving = ("1.4.2-cpu", "c0ffee000000-cpu"), ("1.4-cpu", "1-cpu", "latest-cpu")
    assert published("1.4.2", "cpu", COMMIT) == Published(fixed, moving)


def test_a_prerelease_moves_no_tag() -> None:
    assert published("1.0.0-next.3", "universal", COMMIT) == Published(
        ("1.0.0-next.3", "c0ffee000000")
    )


def test_a_build_number_makes_no_prerelease() -> None:
    tags = published("1.0.0+build5", "universal", COMMIT)
    assert tags == Published(("1.0.0_build5", "c0ffee000000"), ("1.0", "1", "latest"))


@pytest.mark.parametrize("commit", ["", f"{COMMIT}-dirty"])
def test_only_what_a_commit_holds_is_named_by_it(commit: str) -> None:
    assert published("1.0.0", "universal", commit).fixed == ("1.0.0",)


@pytest.mark.parametrize("version", ["1.0.0-cpu", "1.0.0-next.3-cuda", "1.0.0+a-rocm"])
def test_a_version_that_reads_like_a_variant_of_another_is_refused(version: str) -> None:
    with pytest.raises(UsageError, match="cannot be the tag") as caught:
        check(version, "universal", NAMES)
    assert "in the variant" in caught.value.why


def test_a_version_that_is_too_long_is_refused() -> None:
    longest = "1.0.0-" + "a" * 122
    check(longest, "universal", NAMES)
    with pytest.raises(UsageError, match="cannot be the tag"):
        check(longest, "cpu", NAMES)


@pytest.mark.parametrize("version", ["1.0.0", "1.0.0-cpu.1", "1.0.0-next.3+b.5", "0.0.0-universal"])
def test_other_versions_are_taken(version: str) -> None:
    for name in NAMES:
        check(version, name, NAMES)


def test_versions_are_read_as_semver_has_them() -> None:
    assert parse("1.20.300-a-b.0+001.x") == SemanticVersion("1", "20", "300", "a-b.0", "001.x")
    for text in ("1", "1.0", "01.0.0", "1.0.0-", "1.0.0+", "1.0.0-a..b", "1.0.0\n", "1.0.\u0660"):
        assert parse(text) is None


def test_versions_sort_as_semver_has_them() -> None:
    # The example of semver.org's section 11, with what comes before and after.
    ordered = [
        *("0.9.10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta"),
        *(
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.5",
            "1.1.0",
            "1.10.0",
            "2.0.0",
        ),
    ]
    for older, newer in itertools.combinations(ordered, 2):
        assert is_newer(newer, older), (older, newer)
        assert not is_newer(older, newer), (older, newer)


@pytest.mark.parametrize("there", ["", "1.0.0", "1.0.0+build5", "trixie", "v2.0.0", "2.0"])
def test_a_tag_moves_where_no_newer_version_can_be_read(there: str) -> None:
    assert not is_newer(there, "1.0.0")
