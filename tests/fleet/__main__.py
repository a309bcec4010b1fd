"""The bars of a fleet: `nox -s fleet_bench -- [--requests N] [SECTION...]`; all by default.

Ratios within one run, on one machine; `load` counts failures. Needs root and the image built last.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import requests

from scripts import docker_engine
from scripts.docker_engine import EngineOptions
from scripts.image import record
from scripts.shared import settings_sources
from scripts.shared.console import say
from scripts.shared.errors import PipelineError
from scripts.shared.interruption import interruptible
from tests.fleet import nodes, stack
from tests.fleet.load import Load, chat, under_load
from tests.fleet.stack import KEY, Fleet

REPLICAS = 3
REQUESTS = 10_000
CLIENTS = 64
TIMES = {"MENTATOR_STOP_NOTICE": "5", "MENTATOR_UPDATE_MONITOR": "5s"}
#: A replica's part of a CPU where two are compared with one: clients and proxy need the rest.
PART = "0.4"
#: About 1,000 tokens.
LONG = "The quick brown fox jumps over the lazy dog, and sleeps in the sun. " * 62


def _scale(fleet: Fleet, _: int) -> None:
    """Two replicas against one, each with a part of a CPU"""
    rates = []
    for replicas in (1, 2):
        fleet.deploy(replicas, MENTATOR_CPUS=PART, **TIMES)
        stack.whole(fleet, replicas, 300)
        rates.append(_rate(fleet, 40))
    say(f"{rates[1] / rates[0]:.2f} times as many requests with two replicas as with one")
    say(f"({rates[0]:.2f} and {rates[1]:.2f} a second, {PART} CPUs each; aim >= 1.8)")


def _rate(fleet: Fleet, seconds: float) -> float:
    with under_load(fleet.address, KEY, clients=16) as load:
        nodes.wait("the first answers", lambda: len(load.outcomes) > 16, 120)
        first, begin = len(load.outcomes), time.monotonic()
        time.sleep(seconds)
        rate = (len(load.outcomes) - first) / (time.monotonic() - begin)
    assert not load.faults, load.faults[0]
    return rate


def _prefix(fleet: Fleet, _: int) -> None:
    """First token of a 1,000-token system prompt: the second request against the first"""
    fleet.deploy(REPLICAS, **TIMES)
    stack.whole(fleet, REPLICAS, 300)
    pairs = [(_first_token(fleet, run, "Hi."), _first_token(fleet, run, "Go.")) for run in range(7)]
    first, second = (statistics.median(times) for times in zip(*pairs, strict=True))
    say(f"{statistics.median(b / a for a, b in pairs):.3f} of the first time (aim <= 0.2)")
    say(f"({first * 1000:.0f} ms and {second * 1000:.0f} ms, medians of {len(pairs)})")


def _first_token(fleet: Fleet, run: int, user: str) -> float:
    model = fleet.get("/v1/models").json()["data"][0]["id"]
    body = {**chat(model, f"Run {run}. {LONG}", user), "stream": True}
    headers = {"Authorization": f"Bearer {KEY}"}
    begin, first = time.monotonic(), 0.0
    url = f"{fleet.address}/v1/chat/completions"
    with requests.post(url, json=body, headers=headers, timeout=120, stream=True) as answer:
        # To its end: a client that leaves early ends the work on its prompt.
        for line in answer.iter_lines():
            if not first and b'"content":"' in line and b'"content":""' not in line:
                first = time.monotonic() - begin
    assert first, "no token came"
    return first


def _load(fleet: Fleet, count: int) -> None:
    """All requests, with a rolling update and a killed node among them: failures are counted"""
    fleet.deploy(REPLICAS, **TIMES)
    stack.whole(fleet, REPLICAS, 300)
    load = Load(fleet.address, KEY, CLIENTS, count)
    load.start()
    nodes.wait("a quarter", lambda: len(load.outcomes) > count // 4, 3600)
    fleet.deploy(REPLICAS, **TIMES, MENTATOR_STOP_DRAIN="61")
    nodes.wait("the update", lambda: fleet.update_state() == "completed", 600)
    updated = len(load.outcomes)
    say(f"after the update: {updated} answered, {len(load.faults)} failed")
    fleet.nodes[-1].cut_power()
    cut = time.monotonic()
    seconds = stack.whole(fleet, REPLICAS, 120)
    load.finish()
    late = [one for one in load.faults if one.begin > cut]
    say(f"{len(load.outcomes)} requests, {len(load.faults)} failed")
    say(f"{len(late)} of these began after the kill (aim: none)")
    say(f"whole again {seconds:.0f} s after the kill (aim <= 30)")
    for fault in sorted({one.fault for one in load.faults}):
        say(f"  {fault}")


Section = Callable[[Fleet, int], None]
SECTIONS: dict[str, Section] = {"scale": _scale, "prefix": _prefix, "load": _load}


def main(words: list[str]) -> None:
    """Run the sections that are named, in this order: `load` ends a node."""
    parser = argparse.ArgumentParser(prog="nox -s fleet_bench --")
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], metavar="SECTION")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of the section `load`")
    options = parser.parse_args(words)
    wanted = [name for name in SECTIONS if name in options.sections or not options.sections]
    settings = settings_sources.load().settings
    engine = docker_engine.ensure(EngineOptions(settings.engine_path(), settings.yes))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = stack.images(engine, record.image()["digest"], folder)
        with nodes.engines(3, folder / "nodes") as engines, stack.swarm(engines, archive) as fleet:
            for section in wanted:
                say(f"{section}: {SECTIONS[section].__doc__}")
                SECTIONS[section](fleet, options.requests)


if __name__ == "__main__":
    try:
        with interruptible():
            main(sys.argv[1:])
    except PipelineError as error:
        sys.exit(error.message())
