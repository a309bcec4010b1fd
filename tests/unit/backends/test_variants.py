from __future__ import annotations

import re

import pytest

from scripts.backends import table as backends
from scripts.backends.rows import Container, Mode
from scripts.backends.table import Table
from scripts.backends.variants import DEFAULT, choices, find, variants
from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY
from scripts.shared.settings import Settings


def test_the_default_is_a_row_and_the_settings_own() -> None:
    assert find(DEFAULT).name == DEFAULT
    assert Settings().variant == DEFAULT


@pytest.mark.parametrize("name", variants(backends.read()))
def test_every_row_is_a_stage_of_the_dockerfile(name: str) -> None:
    row = find(name)
    assert row.name == name
    text = (REPOSITORY / "docker" / "Dockerfile").read_text(encoding="utf-8")
    stages = re.findall(r"^FROM .* AS (\S+)", text, re.MULTILINE | re.IGNORECASE)
    assert f"variant-{row.name}" in stages
    assert "cpu" in row.backends


def test_the_layers_of_all_variants_can_be_shared() -> None:
    """With --chmod, BuildKit 0.25 makes the layer of a local context again in each build."""
    text = (REPOSITORY / "docker" / "Dockerfile").read_text(encoding="utf-8")
    last = text[text.index("FROM runtime AS variant-cpu") :]
    copies = [line for line in last.splitlines() if line.startswith("COPY")]
    assert len(copies) > 5
    assert all(re.match(r"COPY --link --from=\S+ [^-]", line) for line in copies)


def test_an_unknown_name_lists_the_rows() -> None:
    with pytest.raises(UsageError) as caught:
        find("quantum")
    assert "'quantum'" in caught.value.what
    assert "cpu" in caught.value.next


def mode(name: str) -> Mode:
    return Mode(name, name, get_llama=False, container=Container(name))


def test_the_variants_follow_from_the_rows() -> None:
    table = Table("", (mode("one"), mode("two"), mode("cpu")))
    found = {name: row.backends for name, row in variants(table).items()}
    assert found == {
        "universal": ("one", "two", "cpu"),
        "one": ("one", "cpu"),
        "two": ("two", "cpu"),
        "cpu": ("cpu",),
    }
    assert find("one", table).backends == ("one", "cpu")
    assert choices(table) == {
        "variant": ("universal", "one", "two", "cpu"),
        "backend": ("auto", "one", "two", "cpu"),
    }


def test_the_variants_of_the_table_in_force() -> None:
    found = {name: row.backends for name, row in variants(backends.read()).items()}
    assert found["universal"] == backends.read().names
    assert (found["cuda"], found["rocm"], found["cpu"]) == (
        ("cuda", "cpu"),
        ("rocm", "cpu"),
        ("cpu",),
    )
