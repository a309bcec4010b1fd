from __future__ import annotations

import re

import pytest

from scripts.model import catalog


@pytest.mark.parametrize("model", catalog.MODELS, ids=lambda model: model.name)
def test_every_row_is_pinned_and_has_one_place_to_come_from(model: catalog.Model) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)
    assert model.size > 1_000_000
    assert model.licence
    assert model.file.endswith(".gguf")
    assert bool(model.repo) != bool(model.wheel)
    if model.repo:
        assert re.fullmatch(r"[0-9a-f]{40}", model.revision)
    if model.wheel:
        assert re.fullmatch(r"[\w.-]+==[\w.]+", model.wheel.requirement)
        assert re.fullmatch(r"[0-9a-f]{64}", model.wheel.sha256)


def test_names_and_files_are_distinct() -> None:
    names = [text for model in catalog.MODELS for text in (model.name, model.file)]
    assert len(set(map(str.casefold, names))) == len(names)


def test_the_default_is_fetched_by_revision() -> None:
    assert catalog.DEFAULT.url() == (
        "https://huggingface.co/Qwen/Qwen2.5-0.5B-Instruct-GGUF/resolve/"
        "9217f5db79a29953eb74d5343926648285ec7e67/qwen2.5-0.5b-instruct-q8_0.gguf"
    )
    assert catalog.DEFAULT.url("http://mirror").startswith("http://mirror/Qwen/")
    assert catalog.SMALL.url() == ""


def test_find_takes_names_and_file_names_in_any_case() -> None:
    assert catalog.find("Qwen2.5-0.5B-Instruct-Q8_0") is catalog.DEFAULT
    assert catalog.find("smollm2-135m-instruct.q4_1.GGUF") is catalog.SMALL
    assert catalog.find("smollm2") is None


def test_nearest() -> None:
    assert catalog.nearest("smollm2-135m") == catalog.SMALL.name
    assert catalog.nearest("qwen2.5-0.5b-q8_0.gguf") == catalog.DEFAULT.name
    assert catalog.nearest("zzz") == ""
