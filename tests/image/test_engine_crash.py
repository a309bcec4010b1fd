"""The engine's process dies or hangs in a running container: the container stays, and answers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import requests

from scripts.docker_engine import Engine
from scripts.running import service_client
from scripts.running.container import run_argv
from scripts.shared import commands
from scripts.shared.errors import CommandFailed
from tests import containers
from tests.containers import Running

#: Prints the process id of the engine's process, as the container counts.
FIND = (
    "for p in /proc/[0-9]*; do"
    " tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -q '^[^ ]*node .*engine-process/child.js'"
    " && echo ${p#/proc/}; done; true"
)

#: Far more tokens than are needed: what runs, runs until it is ended.
LONG = {"prompt": "One, two, three, four,", "max_tokens": 60, "temperature": 0}
SHORT = {"prompt": "One, two, three,", "max_tokens": 4, "temperature": 0}


@pytest.fixture
def running(engine: Engine, image: dict[str, Any], tmp_path: Path) -> Iterator[Running]:
    with containers.folder(tmp_path / "data") as data:
        # One thread: on a busy machine several wait for each other at every step.
        flags = ("--restart=on-failure", "--cpus=1")
        container = containers.describe(image["digest"], data, flags=flags)
        with containers.healthy(engine, container) as found:
            yield found


def engine_pid(running: Running) -> str:
    return running.run("sh", "-c", FIND).strip()


def hit(running: Running, signal: str) -> None:
    """The image has no program `kill`, but its shell has."""
    running.run("sh", "-c", f"kill -s {signal} {engine_pid(running)}")


def model_of(running: Running) -> str:
    name: str = service_client.get(running.address, "/state/models")["models"][0]["name"]
    return name


def complete(running: Running, body: dict[str, Any]) -> requests.Response:
    asked = {"model": model_of(running), **body}
    return requests.post(f"{running.address}/v1/completions", json=asked, timeout=300)


@dataclass
class Stream:
    """A streamed answer, read as it comes."""

    begun: Event = field(default_factory=Event)
    events: list[str] = field(default_factory=list)

    def read(self, running: Running) -> None:
        body = {"model": model_of(running), "stream": True, **LONG}
        with requests.post(
            f"{running.address}/v1/completions", json=body, stream=True, timeout=300
        ) as reply:
            for line in reply.iter_lines():
                if line.startswith(b"data: "):
                    self.events.append(line[6:].decode())
                    if '"text":"' in self.events[-1] and '"text":""' not in self.events[-1]:
                        self.begun.set()


@contextmanager
def asking_for_health(running: Running) -> Iterator[list[int]]:
    """Asks /health all the time; yields the statuses, which are filled meanwhile."""
    statuses: list[int] = []
    done = Event()

    def ask() -> None:
        while not done.wait(0.1):
            statuses.append(requests.get(f"{running.address}/health", timeout=30).status_code)

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask)
        try:
            yield statuses
        finally:
            done.set()
            asked.result()


def wait_until_ready(running: Running, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while requests.get(f"{running.address}/ready", timeout=30).status_code != 200:
        assert time.monotonic() < end, running.log()
        time.sleep(0.2)


def restarts(running: Running) -> int:
    text = requests.get(f"{running.address}/metrics", timeout=30).text
    (line,) = (
        row for row in text.splitlines() if row.startswith("mentator_engine_restarts_total ")
    )
    return int(line.split()[1])


def assert_not_restarted(running: Running, started: str) -> None:
    found = running.inspect()
    assert (found["RestartCount"], found["State"]["StartedAt"]) == (0, started)


def test_a_kill_under_load_costs_one_restart_of_the_engine(running: Running) -> None:
    started = running.inspect()["State"]["StartedAt"]
    assert complete(running, SHORT).ok
    pid = engine_pid(running)
    stream = Stream()
    with asking_for_health(running) as healths, ThreadPoolExecutor(4) as pool:
        reading = pool.submit(stream.read, running)
        whole: list[Future[requests.Response]] = [
            pool.submit(complete, running, LONG) for _ in range(3)
        ]
        assert stream.begun.wait(120), running.log()
        hit(running, "KILL")
        # Nothing of these was sent yet, so they are run again.
        answers = [one.result() for one in whole]
        reading.result()
    assert [answer.status_code for answer in answers] == [200, 200, 200], answers[0].text
    assert set(healths) == {200}
    error = json.loads(stream.events[-1])["error"]
    assert (error["code"], error["type"]) == ("engine_restarted", "server_error")

    state = service_client.get(running.address, "/state")["engine"]
    assert (state["running"], state["restarts"]) == (True, 1)
    assert "SIGKILL" in state["lastEnd"]
    assert restarts(running) == 1
    assert "the engine's process is gone: it ended by SIGKILL" in running.log()
    assert engine_pid(running) not in ("", pid)
    assert_not_restarted(running, started)
    assert running.stop() == 0


def test_a_process_that_is_stopped_is_replaced_and_everything_else_answers(
    running: Running,
) -> None:
    started = running.inspect()["State"]["StartedAt"]
    assert complete(running, SHORT).ok
    with asking_for_health(running) as healths:
        hit(running, "STOP")
        answer = complete(running, SHORT)
    # It waited until the process was ended, and ran on the next one.
    assert answer.ok, answer.text
    assert set(healths) == {200}
    state = service_client.get(running.address, "/state")["engine"]
    assert state["restarts"] == 1
    assert "does not compute" in state["lastEnd"]
    assert_not_restarted(running, started)

    hit(running, "STOP")
    assert running.stop() == 0


def test_the_container_ends_with_a_code_where_the_engine_cannot_be_kept_running(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    with containers.folder(tmp_path / "data") as data:
        container = containers.describe(image["digest"], data)
        with containers.healthy(engine, container) as running:
            end = time.monotonic() + 300
            while running.inspect()["State"]["Running"]:
                assert time.monotonic() < end, running.log()
                # It may end between the two.
                with suppress(CommandFailed):
                    hit(running, "ABRT")
                time.sleep(0.5)
            assert running.inspect()["State"]["ExitCode"] == 5
            assert "The engine cannot be kept running" in running.log()


def test_a_stop_during_the_start_is_heard_at_once(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    """4,000 models take a while to be listed."""
    with containers.folder(tmp_path / "data") as data:
        with containers.healthy(engine, containers.describe(image["digest"], data)) as made:
            name = model_of(made)
            made.stop()
        models = Path(data, "models")
        for index in range(4000):
            (models / f"model-{index}.gguf").hardlink_to(models / name)
        running = Running(engine, containers.describe(image["digest"], data))
        try:
            commands.check(engine.argv(*run_argv(running.container)))
            end = time.monotonic() + 120
            while "listening on" not in running.log():
                assert time.monotonic() < end, running.log()
                time.sleep(0.05)
            assert running.stop() == 0
        finally:
            running.remove()
