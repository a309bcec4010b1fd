from __future__ import annotations

import importlib.util
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY
from tests.hardware_record import HEADING, NONE_YET, Record, insert, main
from tests.smoke import gpu

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


def recorder() -> Any:
    path = REPOSITORY / "deploy" / "record-in-chroot.py"
    spec = importlib.util.spec_from_file_location("record_in_chroot", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def started(**changes: Any) -> dict[str, Any]:
    found = {
        "ready_s": 1.5,
        "model": "model.gguf",
        "of": 31,
        "layers": 31,
        "device": "Some Card",
        "reason": "cuda13: proven",
        "tokens_per_second": 123.45,
        "first_token_ms": 12,
        "backend": "cuda13",
        "log": "proven at an earlier start",
    }
    return found | changes


IMAGE = {"digest": "sha256:0123456789abcdef"}
CPU = started(backend="cpu", layers=0, tokens_per_second=7, device="Some CPU")


def test_three_starts_without_an_engine_make_a_row_of_the_document(tmp_path: Path) -> None:
    made = tmp_path / "record.json"
    made.write_text(json.dumps(recorder().record(IMAGE, started(log=""), CPU, started())))
    document = tmp_path / "hardware.md"
    document.write_text((REPOSITORY / "docs/hardware.md").read_text(encoding="utf-8"))
    main(document, made)
    record = Record(**json.loads(made.read_text()))
    assert asdict(record).keys() == asdict(RECORD).keys()
    row = f"| Some Card | {record.driver} | 0123456789ab | cuda13 | 31 of 31 | 123.5 | 7.0 | 12 |"
    assert f"| {record.day} {row}" in document.read_text()


@pytest.mark.parametrize(
    ("first", "again", "why"),
    [
        (started(backend="cpu", reason="cpu: why"), started(), "No card was chosen: cpu: why"),
        (started(), started(layers=30), "Only 30 of 31 layers"),
        (started(), started(log="proven: now"), "did not remember"),
        (started(backend="cuda12"), started(), "did not remember"),
    ],
)
def test_three_starts_that_did_not_use_the_card_make_no_record(
    first: dict[str, Any], again: dict[str, Any], why: str
) -> None:
    module = recorder()
    with pytest.raises(module.Failed, match=why):
        module.record(IMAGE, first, CPU, again)


def test_a_machine_without_an_engine_is_asked_the_same_as_one_with_an_engine() -> None:
    module = recorder()
    assert gpu.QUESTIONS == module.QUESTIONS
    assert (gpu.STORY, gpu.STORY_TOKENS) == (module.STORY, module.STORY_TOKENS)


@pytest.mark.parametrize("text", ["", "[]", "7", "{}", '{"day": "2026-01-02"}', '{"other": 1}'])
def test_what_is_not_a_record_is_refused_and_the_document_stays(tmp_path: Path, text: str) -> None:
    made, document = tmp_path / "record.json", tmp_path / "hardware.md"
    made.write_text(text)
    document.write_text(f"{HEADING}\n| a |\n|---|\n")
    with pytest.raises(UsageError, match="is not a record"):
        main(document, made)
    assert document.read_text() == f"{HEADING}\n| a |\n|---|\n"


def test_a_speed_that_is_no_number_is_refused(tmp_path: Path) -> None:
    made, document = tmp_path / "record.json", tmp_path / "hardware.md"
    made.write_text(json.dumps(asdict(replace(RECORD, card_speed="fast"))))  # type: ignore[arg-type]
    document.write_text(f"{HEADING}\n| a |\n|---|\n")
    with pytest.raises(UsageError, match="is not a record"):
        main(document, made)
