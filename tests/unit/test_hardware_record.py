from __future__ import annotations

from dataclasses import replace

import pytest

from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY
from tests.hardware_record import HEADING, NONE_YET, Record, insert

RECORD = Record(
    day="2026-01-02",
    card="Some Card: 8192 MiB",
    driver="580.65.06",
    digest="sha256:0123456789abcdef",
    backend="cuda12",
    layers="31 of 31",
    card_speed=123.45,
    cpu_speed=7,
    first_token_ms=12.3,
    model="model.gguf",
    commands=("docker run --gpus all image",),
)
ROW = (
    "| 2026-01-02 | Some Card: 8192 MiB | 580.65.06 | 0123456789ab | cuda12 | 31 of 31"
    " | 123.5 | 7.0 | 12 |"
)


def test_the_document_takes_a_record() -> None:
    before = (REPOSITORY / "docs/hardware.md").read_text(encoding="utf-8")
    header = before.split(HEADING)[1].split("|---")[0].strip().splitlines()[-1]
    after = insert(before, RECORD)
    assert NONE_YET not in after
    assert ROW in after
    assert header.count("|") == ROW.count("|")
    assert "docker run --gpus all image" in after
    assert after.startswith(before.split("|---")[0])


def test_a_further_record_comes_first_and_the_others_stay() -> None:
    text = f"# T\n\n{HEADING}\n| a |\n|---|\n{NONE_YET}\n\nmore\n"
    one = insert(text, RECORD)
    two = insert(one, replace(RECORD, day="2026-02-03"))
    lines = two.splitlines()
    rule = lines.index("|---|")
    assert lines[rule + 1].startswith("| 2026-02-03 |")
    assert lines[rule + 2] == ROW
    assert two.count("### 2026-0") == 2
    assert two.index("### 2026-02-03") < two.index("### 2026-01-02")
    assert lines[-1] == "more"


def test_a_name_does_not_break_the_table() -> None:
    text = f"{HEADING}\n| a |\n|---|\n"
    assert "| A/B |" in insert(text, replace(RECORD, card="A|B"))


def test_a_document_without_the_table_is_refused() -> None:
    with pytest.raises(UsageError, match="no table"):
        insert("# nothing\n", RECORD)
