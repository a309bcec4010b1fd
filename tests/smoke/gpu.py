"""Shared by the GPU smoke tests: the skip without a card, and the session on a card."""

from __future__ import annotations

import datetime
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from scripts.backends.table import Mode
from scripts.docker_engine import Engine
from scripts.host import hardware
from scripts.running import container as run
from scripts.running import service_client
from scripts.shared import commands
from tests import containers, hardware_record
from tests.hardware_record import Record

#: Questions for the card and the CPU, each with a word that the answer must contain.
QUESTIONS = {
    "What is the capital of France? Answer in one short sentence.": "Paris",
    "What is the capital of Italy? Answer in one short sentence.": "Rome",
}

#: The prompt of the speed measurement. Its answer is long: most of the time is generation.
STORY = "Write a long story about a lighthouse keeper."
STORY_TOKENS = 128

#: Milliseconds for one answer: the CPU may be slow.
ANSWER_MSEC = 300_000


def require(mode: Mode, engine: Engine, config: pytest.Config) -> None:
    """Skip when the hardware is missing, or fail with `--require-hardware`."""
    found = hardware.presence(mode, engine)
    if found.state == "present":
        return
    if config.getoption("--require-hardware"):
        pytest.fail(
            f"This machine has no hardware for {mode.title} ({found.said}), and "
            "--require-hardware was given."
        )
    pytest.skip(f"This machine has no hardware for {mode.title} ({found.said}).")


@dataclass(frozen=True)
class Run:
    """One start of the image: its choice, its answers, its speed and its log."""

    container: run.Container
    backend: str
    device: str
    layers: int
    of: int
    answers: Mapping[str, str]
    tokens_per_second: float
    first_token_ms: float
    log: str

    @property
    def candidate(self) -> str:
        """The folder of the chosen backend: cuda13, cuda12 or rocm; or `cpu`."""
        found = re.search(r"chosen\s+\w+ with \S+/backends/(\w+)/", self.log)
        return found[1] if found else "cpu"


@dataclass(frozen=True)
class Session:
    """Three starts on one data folder: with the card, without it, and with it again."""

    first: Run
    cpu: Run
    again: Run


def session(
    engine: Engine, container: run.Container, model: str, tokens: int = STORY_TOKENS
) -> Session:
    """Start the image with the card of `container`, without it, and with it again.

    `tokens` is the length of the answer that the speed is measured with.
    """
    without = replace(container, mode=None, flags=())
    starts = (container, without, container)
    runs = [
        _run(engine, replace(start, port=containers.free_port()), model, tokens) for start in starts
    ]
    return Session(*runs)


def _run(engine: Engine, container: run.Container, model: str, tokens: int) -> Run:
    """One start: all questions, the story, `/state`, and a clean stop."""
    with containers.healthy(engine, container) as running:

        def ask(text: str, **options: Any) -> Any:
            body: dict[str, Any] = {"model": model, "message": {"user": text}}
            body |= {"options": options, "durationMsec": ANSWER_MSEC}
            return service_client.prompt(running.address, body)["result"]

        answers = {question: str(ask(question)["data"]) for question in QUESTIONS}
        usage = ask(STORY, maxTokens=tokens)["usage"]
        state = service_client.get(running.address, "/state")
        (row,) = service_client.get(running.address, "/state/models")["models"]
        log = running.log()
        assert running.stop() == 0, log
    return Run(
        container,
        state["gpuInfo"]["type"],
        state["gpuInfo"]["device"],
        state["currentModel"]["gpulayer"],
        row["layerCount"],
        answers,
        usage["tokensPerSecond"],
        usage["firstTokenMsec"],
        log,
    )


def check(found: Session, backend: str) -> None:
    """Assert that the session used the card: backend, answers, layers, and the saved proof."""
    assert (found.first.backend, found.cpu.backend, found.again.backend) == (
        backend,
        "cpu",
        backend,
    ), found.first.log + found.cpu.log
    for started in (found.first, found.cpu, found.again):
        for question, word in QUESTIONS.items():
            assert word in started.answers[question]
        assert started.tokens_per_second > 0
    # The model's layers, and its output layer.
    assert found.first.layers == found.again.layers >= found.first.of
    assert found.cpu.layers == 0
    # The proof is still valid after a start without the card.
    assert "proven: " in found.first.log
    assert "proven at an earlier start" in found.again.log


def record(
    engine: Engine, image: dict[str, Any], found: Session, driver: str, path: Path | None
) -> None:
    """Add the session to the document of `--record`, if there is one."""
    if path is None:
        return
    made = Record(
        day=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        card=found.first.device,
        driver=driver,
        digest=image["digest"],
        backend=found.first.candidate,
        layers=f"{found.first.layers} of {found.first.of + 1}",
        card_speed=found.first.tokens_per_second,
        cpu_speed=found.cpu.tokens_per_second,
        first_token_ms=found.first.first_token_ms,
        model=image["model"]["name"],
        commands=[
            shlex.join(engine.argv(*run.run_argv(started.container)))
            for started in (found.first, found.cpu)
        ],
    )
    text = path.read_text(encoding="utf-8")
    path.write_text(hardware_record.insert(text, made), encoding="utf-8")


def nvidia_driver() -> str:
    """The driver's version, from nvidia-smi."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    return commands.check(query, timeout=10).splitlines()[0]


def kernel_driver() -> str:
    """The version of amdgpu if it has its own, else that of the kernel."""
    version = Path("/sys/module/amdgpu/version")
    if version.exists():
        return f"amdgpu {version.read_text(encoding='ascii').strip()}"
    return f"Linux {Path('/proc/sys/kernel/osrelease').read_text(encoding='ascii').strip()}"
