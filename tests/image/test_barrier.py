"""The library that lets ggml's threads share the processors: docker/barrier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from scripts.docker_engine import Engine
from scripts.image.plan import build_argv
from scripts.project.checks import barrier_check
from scripts.running import service_client
from scripts.shared import commands
from scripts.shared.settings import Settings
from tests import containers
from tests.image import stages

LIBRARY = "/opt/mentator/barrier/libmentator-barrier.so"
PROMPT = "Once upon a time, in a land far away,"
BUSY = "while :; do :; done"


def test_its_linter_and_tests_pass_and_another_layout_is_refused(
    settings: Settings, engine: Engine
) -> None:
    """In a build stage: clang-tidy, ThreadSanitizer, the number of threads, what keeps it out."""
    argv = build_argv(barrier_check(stages.planned(settings)))
    done = commands.capture(engine.argv(*argv), timeout=1800)
    assert done.code == 0, done.err[-6000:]


def answer(address: str, tokens: int) -> str:
    """The likeliest text."""
    model = service_client.get(address, "/state/models")["models"][0]["name"]
    body = {"model": model, "prompt": PROMPT, "max_tokens": tokens, "temperature": 0}
    done = requests.post(f"{address}/v1/completions", json=body, timeout=600)
    done.raise_for_status()
    text: str = done.json()["choices"][0]["text"]
    return text


def libraries(running: containers.Running) -> str:
    """What is mapped into the service's process, which only its own user may see."""
    uid = running.run("stat", "-c", "%u:%g", "/proc/1").strip()
    argv = ["exec", "--user", uid, running.container.name, "cat", "/proc/1/maps"]
    return commands.check(running.engine.argv(*argv))


def test_the_answer_is_the_same_with_and_without_it(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    """Beside busy loops, so that threads do sleep and their number does change. Without it a single
    thread computes, as several would take seconds for a token there."""
    said = {}
    for mode, flags in (("auto", ()), ("off", ("--cpus", "1"))):
        with containers.folder(tmp_path / mode) as data:
            flags = ("--env", f"MENTATOR_BARRIER={mode}", *flags)
            container = containers.describe(image["digest"], data, flags=flags)
            with containers.healthy(engine, container) as running:
                assert (LIBRARY in libraries(running)) is (mode == "auto"), running.log()
                if mode == "auto":
                    loops = " & ".join([f"timeout 300 sh -c '{BUSY}'"] * 3)
                    commands.check(
                        engine.argv("exec", "--detach", container.name, "sh", "-c", loops)
                    )
                said[mode] = answer(running.address, 48)
    assert said["auto"] == said["off"]
    assert len(said["auto"]) > 48


@pytest.mark.parametrize("own", ["libm.so.6", "libm.so.6 libdl.so.2"])
def test_the_users_own_preloaded_libraries_are_kept(
    engine: Engine, image: dict[str, Any], tmp_path: Path, own: str
) -> None:
    with containers.folder(tmp_path / "data") as data:
        flags = ("--env", f"LD_PRELOAD={own}")
        container = containers.describe(image["digest"], data, flags=flags)
        with containers.healthy(engine, container) as running:
            mapped = libraries(running)
            assert all(name in mapped for name in (*own.split(), LIBRARY))
            assert answer(running.address, 4)


def test_a_wrong_value_ends_the_start(engine: Engine, image: dict[str, Any]) -> None:
    ended = containers.to_its_end(engine, image["digest"], "--env", "MENTATOR_BARRIER=spin")
    assert ended.code == 64
    assert "MENTATOR_BARRIER=spin is not possible." in ended.log
