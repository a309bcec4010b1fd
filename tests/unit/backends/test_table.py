from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.backends.rows import EngineRuntime
from scripts.backends.table import FILE, read
from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY

#: Rows, good and bad, which the entrypoint's own test reads, too.
ROWS = json.loads((REPOSITORY / "tests/entrypoint/rows.json").read_text(encoding="utf-8"))

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
    assert rocm.substitutes.names["gfx1103"] == ("gfx1102", "gfx1100")


def test_it_is_read_once() -> None:
    assert read() is read()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data.pop("about"), "missing required field `about`"),
        (lambda data: data.update(modes=1), "Expected `array`, got `int` - at `$.modes`"),
        (lambda data: data.update(modes=[]), "Expected `array` of length >= 1 - at `$.modes`"),
        (lambda data: data.update(mods=[]), "unknown field `mods`"),
        (
            lambda data: data["modes"][0].pop("title"),
            "missing required field `title` - at `row cuda`",
        ),
        (
            lambda data: data["modes"][1].pop("name"),
            "missing required field `name` - at `$.modes[1]`",
        ),
        (
            lambda data: data["modes"][0]["container"].update(runs=[]),
            "unknown field `runs` - at `row cuda.container`",
        ),
        (
            lambda data: data["modes"][0]["container"].update(run="--gpus all"),
            "Expected `array`, got `str` - at `row cuda.container.run`",
        ),
        (
            lambda data: data["modes"][0]["signs"][1].update(nodes=["dev/a", 1]),
            "Expected `str`, got `int` - at `row cuda.signs[1].nodes[1]`",
        ),
        (
            lambda data: data["modes"][0]["signs"][1].update(needsLibrary="yes"),
            "Expected `bool`, got `str` - at `row cuda.signs[1].needsLibrary`",
        ),
        (
            lambda data: data["modes"][0].update(getLlama=1),
            "Expected `bool | str`, got `int` - at `row cuda.getLlama`",
        ),
        (
            lambda data: data["modes"][1]["environment"].update(set={"A": 1}),
            "Expected `str`, got `int` - at `row rocm.environment.set[...]`",
        ),
        (
            lambda data: data["modes"][1].update(environment=[]),
            "Expected `object`, got `array` - at `row rocm.environment`",
        ),
        (
            lambda data: data["modes"][0].update(name="universal"),
            "rules for names and paths - at `row universal.name`",
        ),
        (lambda data: data["modes"][0].update(name="CUDA"), "- at `row CUDA.name`"),
        (lambda data: data["modes"][1].update(name="cuda"), "The rows' name has cuda twice"),
        (
            lambda data: data["modes"][1]["candidates"][0].update(name="cuda12"),
            "The rows' candidates has cuda12 twice",
        ),
        (
            lambda data: data["modes"][1]["container"].update(profile="cpu"),
            "The rows' container.profile has cpu twice",
        ),
        (lambda data: data["modes"].pop(), "The last row must have no signs and no candidates"),
        (
            lambda data: data["modes"][1]["signs"][0].update(nodes=["/dev/kfd"]),
            "rules for names and paths - at `row rocm.signs[0].nodes[0]`",
        ),
        (
            lambda data: data["modes"][1].update(watch=["dev/*/kfd"]),
            "- at `row rocm.watch[0]`",
        ),
        (lambda data: data["modes"][1].update(watch=["dev/../kfd"]), "- at `row rocm.watch[0]`"),
        (
            lambda data: data["modes"][1]["signs"][0].update(tool=["rocm-smi"]),
            "must have either a tool, nodes or a variable - at `row rocm.signs[0]`",
        ),
        (
            lambda data: data["modes"][1]["signs"][0].update(needsLibrary=True),
            "needsLibrary, but the row names no library - at `row rocm`",
        ),
        (
            lambda data: data["modes"][1]["signs"][0].update(cards="sysfs"),
            "Invalid enum value 'sysfs' - at `row rocm.signs[0].cards`",
        ),
        (
            lambda data: data["modes"][1]["faults"][0].update(match=["("]),
            "'(' is not a regular expression",
        ),
        (lambda data: data["faults"][2].update(match=["["]), "- at `$.faults[2].match[0]`"),
    ],
)
def test_a_fault_names_its_row_and_key(tmp_path: Path, change: Change, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(write(tmp_path / "backends.json", change))
    assert words in caught.value.what
    assert "docs/add-a-backend.md" in caught.value.next


@pytest.mark.parametrize("change", ROWS["good"], ids=json.dumps)
def test_a_good_row_is_read(tmp_path: Path, change: dict[str, Any]) -> None:
    row = {**ROWS["row"], **change}
    path = write(tmp_path / "backends.json", lambda data: data["modes"].insert(0, row))
    assert read(path).names[0] == "card"


@pytest.mark.parametrize("bad", ROWS["bad"], ids=lambda bad: json.dumps(bad["change"]))
def test_a_bad_row_is_refused(tmp_path: Path, bad: dict[str, Any]) -> None:
    row = {**ROWS["row"], **bad["change"]}
    with pytest.raises(UsageError) as caught:
        read(write(tmp_path / "backends.json", lambda data: data["modes"].insert(0, row)))
    for words in ("row card", *bad["fault"]):
        assert words in caught.value.what


@pytest.mark.parametrize(
    "option", ["rocm-targets", "--ROCM", "--rocm targets", "--rocm_targets", "--", ""]
)
def test_a_flag_of_another_form_is_refused(tmp_path: Path, option: str) -> None:
    path = tmp_path / "backends.json"
    with pytest.raises(UsageError, match=r"row rocm\.targets\.option"):
        read(write(path, lambda data: data["modes"][1]["targets"].update(option=option)))


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_file_that_is_not_a_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "backends.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"backends\.json"):
        read(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path / "none.json")
