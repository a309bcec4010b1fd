"""docs/environments.md: each test that it names is there."""

from __future__ import annotations

import re

import pytest

from scripts.shared.paths import REPOSITORY

NAMED = sorted(
    set(
        re.findall(
            r"`(tests/[\w/]+\.py(?:::\w+)?)`",
            (REPOSITORY / "docs" / "environments.md").read_text(encoding="utf-8"),
        )
    )
)


@pytest.mark.parametrize("named", NAMED)
def test_a_test_of_the_table_exists(named: str) -> None:
    path, _, function = named.partition("::")
    assert f"def {function}" in (REPOSITORY / path).read_text(encoding="utf-8")
