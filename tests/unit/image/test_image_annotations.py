from __future__ import annotations

import pytest

from scripts.image.image_annotations import PREFIX, choose, options

DIGEST = "sha256:" + "d" * 64


def test_the_base_image_is_named_with_its_digest() -> None:
    found = choose({f"{PREFIX}base.name": "x"}, f"host:5000/debian:trixie@{DIGEST}", "")
    assert found == {
        f"{PREFIX}base.name": "host:5000/debian:trixie",
        f"{PREFIX}base.digest": DIGEST,
    }


def test_a_stand_in_is_no_base_image_that_a_registry_has() -> None:
    text = f"debian stand-in {DIGEST}"
    assert choose({f"{PREFIX}base.name": text}, text, "") == {}


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("https://host/app.git", "https://host/app"),
        ("http://host/app", "http://host/app"),
        ("git@host:app", None),
        ("file:///app", None),
    ],
)
def test_the_address_for_people_is_the_sources_where_a_browser_can_open_it(
    source: str, url: str | None
) -> None:
    found = choose({f"{PREFIX}source": source}, "", "")
    assert found[f"{PREFIX}source"] == source
    assert found.get(f"{PREFIX}url") == url


def test_labels_of_our_own_stay_labels() -> None:
    assert choose({"io.mentator.variant": "cpu"}, "", "") == {}


def test_the_time_is_the_commits_and_not_the_builds() -> None:
    assert choose({}, "", "0") == {f"{PREFIX}created": "1970-01-01T00:00:00Z"}
    assert choose({}, "", "") == {}


def test_each_annotation_is_an_option_on_the_manifest() -> None:
    assert options({"a": "b=c, d", "e": "f"}) == [
        *["--annotation", "manifest:a=b=c, d", "--annotation", "manifest:e=f"],
    ]
