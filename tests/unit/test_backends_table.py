from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.backends.table import FILE, EngineRuntime, read
from scripts.shared.errors import UsageError

Change = Callable[[dict[str, Any]], object]


def write(path: Path, change: Change) -> Path:
    """The table in force with one change."""
    data = copy.deepcopy(json.loads(FILE.read_text(encoding="utf-8")))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def test_the_table_in_force_is_typed() -> None:
    table = read()
    assert table.names[:2] == ("cuda", "rocm")
    assert table.demands == ("auto", *table.names)
    assert table.fallback is table.mode("cpu")
    cuda = table.mode("cuda")
    assert [candidate.name for candidate in cuda.candidates] == ["cuda13", "cuda12"]
    assert cuda.container.engine_runtime == EngineRuntime("nvidia", "nvidia.com/gpu")
    assert (cuda.get_llama, table.mode("cpu").get_llama) == ("cuda", False)
    rocm = table.mode("rocm").targets
    assert rocm is not None
    assert rocm.substitutes.names["gfx1103"] == ("gfx1100",)


def test_it_is_read_once() -> None:
    assert read() is read()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data.pop("about"), "about is missing"),
        (lambda data: data.update(modes=1), "modes must be a list of rows"),
        (lambda data: data.update(modes=[]), "modes holds no row"),
        (lambda data: data.update(mods=[]), "mods is unknown (is it modes?)"),
        (lambda data: data["modes"][0].pop("title"), "row cuda: title is missing"),
        (lambda data: data["modes"][1].pop("name"), "row 2: name is missing"),
        (
            lambda data: data["modes"][0]["container"].update(runs=[]),
            "row cuda: container.runs is unknown (is it run?)",
        ),
        (
            lambda data: data["modes"][0]["container"].update(run="--gpus all"),
            "row cuda: container.run must be a list",
        ),
        (
            lambda data: data["modes"][0]["signs"][1].update(nodes=["dev/a", 1]),
            "row cuda: signs[1].nodes[1] must be a text",
        ),
        (
            lambda data: data["modes"][0]["signs"][1].update(needsLibrary="yes"),
            "row cuda: signs[1].needsLibrary must be true or false",
        ),
        (
            lambda data: data["modes"][0].update(getLlama=1),
            "row cuda: getLlama must be a text or true or false",
        ),
        (
            lambda data: data["modes"][1]["environment"].update(set={"A": 1}),
            "row rocm: environment.set.A must be a text",
        ),
        (
            lambda data: data["modes"][1].update(environment=[]),
            "row rocm: environment must be an object",
        ),
        (lambda data: data["modes"][0].update(name="universal"), "row universal: name cannot be"),
        (lambda data: data["modes"][0].update(name="CUDA"), "name cannot be 'CUDA'"),
        (lambda data: data["modes"][1].update(name="cuda"), "rows: name has cuda twice"),
        (
            lambda data: data["modes"][1]["candidates"][0].update(name="cuda12"),
            "rows: candidates has cuda12 twice",
        ),
        (
            lambda data: data["modes"][1]["container"].update(profile="cpu"),
            "rows: container.profile has cpu twice",
        ),
        (lambda data: data["modes"].pop(), "modes must end with the row that needs no hardware"),
        (
            lambda data: data["modes"][1]["signs"][0].update(nodes=["/dev/kfd"]),
            "row rocm: signs[0].nodes has /dev/kfd, which must be a path without leading slash",
        ),
        (
            lambda data: data["modes"][1].update(watch=["dev/*/kfd"]),
            "row rocm: watch has dev/*/kfd",
        ),
        (lambda data: data["modes"][1].update(watch=["dev/../kfd"]), "row rocm: watch has dev/.."),
        (
            lambda data: data["modes"][1]["signs"][0].update(tool=["rocm-smi"]),
            "row rocm: signs[0] must have either a tool or nodes",
        ),
        (
            lambda data: data["modes"][1]["signs"][0].update(needsLibrary=True),
            "row rocm: signs[0].needsLibrary is set, but the row names no library",
        ),
        (
            lambda data: data["modes"][1]["signs"][0].update(cards="sysfs"),
            "row rocm: signs[0].cards must be one of kfd",
        ),
        (
            lambda data: data["modes"][1]["faults"][0].update(match=["("]),
            "row rocm: faults[0].match has '(', which is not a regular expression",
        ),
        (lambda data: data["faults"][2].update(match=["["]), "faults[2].match has '['"),
    ],
)
def test_a_fault_names_its_row_and_key(tmp_path: Path, change: Change, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(write(tmp_path / "backends.json", change))
    assert words in caught.value.what
    assert "docs/add-a-backend.md" in caught.value.next


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_file_that_is_not_a_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "backends.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"backends\.json"):
        read(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path / "none.json")
