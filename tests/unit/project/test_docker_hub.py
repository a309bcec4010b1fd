"""docs/docker-hub.md: what the page for Docker Hub names is what the project has."""

from __future__ import annotations

import re

from scripts.backends import table
from scripts.backends.variants import DEFAULT, choices
from scripts.shared.paths import REPOSITORY
from scripts.shared.settings import Settings

PAGE = (REPOSITORY / "docs" / "docker-hub.md").read_text(encoding="utf-8")


def test_each_variant_is_named() -> None:
    suffixes = {f"`-{name}`" for name in choices(table.read())["variant"] if name != DEFAULT}
    assert set(re.findall(r"`-[a-z]+`", PAGE)) == suffixes
    assert f"`{DEFAULT}`" in PAGE


def test_the_repository_is_the_settings() -> None:
    assert PAGE.startswith(f"# {Settings().image}\n")


def test_the_page_fits_and_has_no_link_that_docker_hub_cannot_follow() -> None:
    assert len(PAGE) < 25_000
    assert not re.findall(r"\]\((?!https?://)", PAGE)
