from __future__ import annotations

from pathlib import Path

import pytest

from scripts.backends import local
from scripts.backends import table as backends
from scripts.running import ownership
from scripts.running.container import run_argv
from scripts.running.up import other_than_asked
from scripts.running.up_request import build_settings, container_for, resolve
from scripts.shared import settings_sources
from scripts.shared.settings import Settings

TABLE = backends.read()
AMD = local.choose(TABLE, {"rocm": ("gfx1100",)})


def test_the_build_is_for_the_machines_hardware() -> None:
    built = build_settings(AMD, Settings(port=8080))
    assert (built.variant, built.rocm_targets, built.port) == ("rocm", ("gfx1100",), 8080)


def test_targets_that_somebody_named_stay() -> None:
    assert build_settings(AMD, Settings(rocm_targets=("gfx906",))).rocm_targets == ("gfx906",)


def test_a_card_whose_target_is_unknown_gets_all() -> None:
    choice = local.choose(TABLE, {"rocm": ()})
    assert build_settings(choice, Settings()).rocm_targets == Settings().rocm_targets


@pytest.mark.parametrize(
    ("found", "demand", "flags"),
    [
        ((), "auto", []),
        (("cuda",), "auto", ["--gpus", "all"]),
        (("rocm",), "auto", ["--device", "/dev/kfd", "--device", "/dev/dri"]),
        (("cuda", "rocm"), "auto", ["--gpus", "all"]),
        (("cuda",), "cpu", ["--env", "MENTATOR_BACKEND=cpu"]),
        ((), "cuda", ["--gpus", "all", "--env", "MENTATOR_BACKEND=cuda"]),
    ],
)
def test_the_container_gets_the_hardware_and_the_demand(
    found: tuple[str, ...], demand: str, flags: list[str]
) -> None:
    choice = local.choose(TABLE, dict.fromkeys(found, ()), demand)
    container = container_for(choice, Settings(backend=demand), "sha256:1", Path("/d"))
    assert run_argv(container) == [
        *["run", "--detach", "--name", "mentator", "--publish", "127.0.0.1:19777:19777"],
        *["--volume", "/d:/opt/mentator-llm-service/data"],
        *["--label", f"io.mentator.checkout={ownership.identity()}", *flags, "sha256:1"],
    ]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({}, ""),
        ({"variant": "cuda"}, ""),
        ({"backend": "cuda"}, ""),
        ({"model": "/m/a.gguf"}, ""),
        ({"model": "a.gguf"}, ""),
        ({"variant": "cpu"}, "it is the variant cuda"),
        ({"variant": "universal"}, "it is the variant cuda"),
        ({"backend": "rocm"}, "the variant cuda has no backend rocm"),
        ({"model": "b.gguf"}, "it holds the model a.gguf"),
    ],
)
def test_another_image_than_the_one_asked_for_is_not_taken(
    asked: dict[str, str], why: str, tmp_path: Path
) -> None:
    record = {"variant": "cuda", "model": {"setting": "/m/a.gguf", "name": "a.gguf"}}
    variables = {f"MENTATOR_{name.upper()}": value for name, value in asked.items()}
    loaded = settings_sources.load(root=tmp_path, environ=variables)
    assert other_than_asked(record, TABLE, resolve(loaded)) == why


def test_an_image_of_an_older_pipeline_holds_no_model_that_was_named(tmp_path: Path) -> None:
    loaded = settings_sources.load(root=tmp_path, environ={"MENTATOR_MODEL": "a.gguf"})
    assert other_than_asked({"variant": "cpu"}, TABLE, resolve(loaded)) != ""
