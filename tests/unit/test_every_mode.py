"""Every row of the table of backends has all that a mode needs; a failure says what to add."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

import tasks
from scripts.backends import row, rows, variants
from scripts.backends import table as backends
from scripts.image import budget
from scripts.shared.paths import REPOSITORY
from tests import fake_mode, mode_parts

TABLE = backends.read()


def build_flags() -> set[str]:
    arguments = tasks.namespace["build"].get_arguments()
    return {f"--{argument.name.replace('_', '-')}" for argument in arguments}


@pytest.mark.parametrize("name", TABLE.names)
def test_mode_has_all_its_parts(name: str) -> None:
    missing = mode_parts.missing(TABLE.mode(name), REPOSITORY, build_flags())
    assert not missing, "\n" + "\n".join(missing)


def test_every_variant_has_a_budget_and_no_other() -> None:
    budgets = budget.read()
    assert set(budgets.variants) == set(variants.variants(TABLE))
    assert set(budgets.targets) == {mode.name for mode in TABLE.modes if mode.targets}


def test_new_mode_is_told_each_part_that_it_lacks() -> None:
    fake = msgspec.convert(fake_mode.row(), rows.Mode)
    assert mode_parts.missing(fake, REPOSITORY, build_flags()) == [
        "Add a stage fake-backend to docker/Dockerfile: its plugin, in /layer.",
        "Add a stage fake-libraries to docker/Dockerfile: the libraries it loads, in /layer.",
        "Add a stage variant-fake to docker/Dockerfile: the image of this variant.",
        "Add one service with the profile fake to deploy/compose.yaml.",
        "Write tests/smoke/test_fake.py, which the session smoke_fake runs (see test_rocm.py).",
        'Add fake to "variants" in docker/budgets.json: megabytes that a pull moves.',
        "Add a row for Fake accelerator to the table below `## Hardware` in README.md.",
    ]


def test_new_mode_with_targets_of_its_own_needs_more() -> None:
    rocm = TABLE.mode("rocm")
    assert rocm.targets is not None
    fake = replace(
        rocm,
        name="fake",
        candidates=(rows.Candidate("rocm", sdk="fake-sdk"),),
        targets=replace(rocm.targets, option="--fake-targets"),
    )
    lacking = mode_parts.missing(fake, REPOSITORY, build_flags())
    assert {
        'Add fake to "targets" in docker/budgets.json: megabytes for each target.',
        "Add the base image fake-sdk to docker/bases/pins.json.",
        "Add a setting and a flag --fake-targets of `build`, and pass it to compiled.choose.",
        "Add `ARG FAKE_TARGETS=` to docker/Dockerfile.",
    } <= set(lacking)


def test_profile_without_its_devices_is_reported() -> None:
    rocm = TABLE.mode("rocm")
    container = replace(rocm.container, run=("--device", "/dev/other"))
    (told,) = mode_parts.missing(replace(rocm, container=container), REPOSITORY, build_flags())
    assert told.startswith("Give the profile amd in deploy/compose.yaml the hardware of")
    assert '{"devices": ["/dev/other"]}' in told


def test_document_explains_every_key() -> None:
    text = (REPOSITORY / "docs" / "add-a-backend.md").read_text(encoding="utf-8")
    kinds: list[type[row.Row]] = [backends.Table, *row.Row.__subclasses__()]
    keys = {key for kind in kinds for key in kind.__struct_encode_fields__}
    assert {key for key in keys if f"`{key}`" not in text and f".{key}`" not in text} == set()


def test_documents_example_is_a_row(tmp_path: Path) -> None:
    text = (REPOSITORY / "docs" / "add-a-backend.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    data = json.loads(backends.FILE.read_text(encoding="utf-8"))
    row = json.loads(example)
    assert row["name"] == "vulkan"
    # Other names: the table may have a row for Vulkan by now.
    row["name"] = row["container"]["profile"] = row["candidates"][0]["name"] = "example"
    data["modes"].insert(-1, row)
    path = tmp_path / "backends.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    assert backends.read(path).mode("example").container.run == ("--device", "/dev/dri")
