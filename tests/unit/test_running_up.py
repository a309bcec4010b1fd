from __future__ import annotations

from pathlib import Path

import pytest

from scripts.backends import local
from scripts.backends import table as backends
from scripts.running import ownership
from scripts.running.container import run_argv
from scripts.running.up_request import build_settings, container_for
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
