"""Tokens/s beside other busy programs, with the library for ggml's threads and without it.

Both sides are the same image; MENTATOR_BARRIER=off is llama.cpp as released. What can be expected
is the fair share of the processors times the speed on the machine as it is. The share is measured,
too: the processor time that as many independent busy loops get in the service's place.
"""

from __future__ import annotations

import os
import re
import statistics
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from scripts.docker_engine import Engine
from scripts.shared import commands
from tests.bench import completions, peers, servers
from tests.bench.ratio import Ratio
from tests.bench.report import Item, Series
from tests.bench.servers import Server
from tests.bench.streams import REST, story
from tests.bench.subject import Subject
from tests.containers import OWNER

LOOP = "while :; do :; done"
BURSTS = f"while :; do timeout 0.1 sh -c '{LOOP}'; sleep 0.1; done"

#: What runs beside it: commands of a shell, side by side.
LOADS: Mapping[str, Sequence[str]] = {
    "nothing": (),
    "1 busy loop": (LOOP,),
    "2 busy loops": (LOOP,) * 2,
    "4 busy loops": (LOOP,) * 4,
    "bursts of 0.1 s": (BURSTS,),
}

#: Those that differ in their number only.
BY_NUMBER = tuple(LOADS)[:4]

OFF = ("--env", "MENTATOR_BARRIER=off")
PROMPT_WORDS = 110
#: Tokens of an answer. As released, a token may take seconds.
GENERATED, GENERATED_OFF = 64, 4
#: Seconds for which the share is measured.
YARDSTICK = 3

Figures = list[dict[str, float]]


def beside_others(subject: Subject, runs: int = 3) -> Iterator[Item]:
    """Generation and prompts beside each load, against fair share x alone, and against `off`."""
    figures: dict[str, Figures] = {name: [] for name in LOADS}
    with ExitStack() as stack:
        ours, stock = _both(subject, stack)
        for _ in range(runs):
            for name, loops in LOADS.items():
                with _running(subject.docker, subject.digest, loops):
                    share = _share(subject.docker, subject.digest)
                    measured = {"share": share} | _measure(ours, GENERATED)
                    off = _measure(stock, GENERATED if not loops else GENERATED_OFF)
                    figures[name].append(measured | {f"{kind}, off": off[kind] for kind in off})
    for kind in ("generation", "prompt"):
        speeds = [statistics.median(one[kind] for one in figures[name]) for name in BY_NUMBER]
        numbers = [float(len(LOADS[name])) for name in BY_NUMBER]
        yield Series(f"{kind} beside busy loops", numbers, speeds, "loops", "tokens/s")
    for name in list(LOADS)[1:]:
        yield from _ratios(name, figures[name], figures["nothing"])


def alone(subject: Subject, runs: int = 15) -> Iterator[Ratio | str]:
    """The same where nothing else runs: what the library costs. Needs a quiet machine."""
    ours: Figures = []
    stock: Figures = []
    with ExitStack() as stack:
        both = _both(subject, stack)
        for number in range(runs):
            sides = ((both[0], ours), (both[1], stock))
            for server, figures in sides if number % 2 else reversed(sides):
                figures.append(_measure(server, GENERATED))
    for kind in ("generation", "prompt"):
        mine, released = ([one[kind] for one in figures] for figures in (ours, stock))
        yield Ratio(f"{kind} alone", "MENTATOR_BARRIER=off", mine, released, "tokens/s", 0.99, True)


def _both(subject: Subject, stack: ExitStack) -> tuple[Server, Server]:
    _, model = subject.plain()
    docker, digest = subject.docker, subject.digest
    ours = stack.enter_context(servers.service(docker, digest, model, 1))
    stock = stack.enter_context(servers.service(docker, digest, model, 1, OFF))
    for server in (ours, stock):
        completions.complete(server, completions.random_words(20), 4)
    return ours, stock


def _measure(server: Server, tokens: int) -> dict[str, float]:
    """Tokens/s of both kinds."""
    time.sleep(REST)
    read = completions.complete(server, completions.random_words(PROMPT_WORDS), 1)
    told = completions.complete(server, story(), tokens)
    return {"generation": told.rate, "prompt": read.prompt_tokens / read.to_first}


def _ratios(name: str, loaded: Figures, quiet: Figures) -> Iterator[Ratio | str]:
    for kind in ("generation", "prompt"):
        ours = [one[kind] for one in loaded]
        fair = [
            one["share"] / calm["share"] * calm[kind]
            for one, calm in zip(loaded, quiet, strict=True)
        ]
        off = [one[f"{kind}, off"] for one in loaded]
        title = f"{kind} beside {name}"
        yield Ratio(title, "fair share x alone", ours, fair, "tokens/s", 0.8, True)
        released, expected = statistics.median(off), statistics.median(fair)
        yield f"  MENTATOR_BARRIER=off: {released:.2f} tokens/s, {released / expected:.3f} of it"


def _share(docker: Engine, digest: str) -> float:
    """The part of the service's processors that as many independent busy loops get now."""
    loops = peers.threads()
    one = f"timeout {YARDSTICK} sh -c '{LOOP}' &"
    script = f"{one * loops} wait; times"
    argv = ["run", "--rm", "--label", f"{OWNER}={os.getpid()}", "--entrypoint", "sh", digest]
    out = commands.check(docker.argv(*argv, "-c", script))
    return processor_seconds(out) / (loops * YARDSTICK)


def processor_seconds(times: str) -> float:
    """The children's, by a shell's `times`: user and system, as `0m2.950000s 0m0.010000s`."""
    children = times.splitlines()[1]
    return sum(
        int(minutes) * 60 + float(seconds)
        for minutes, seconds in re.findall(r"(\d+)m([\d.]+)s", children)
    )


@contextmanager
def _running(docker: Engine, digest: str, loops: Sequence[str]) -> Iterator[None]:
    if not loops:
        yield
        return
    name = f"mentator-bench-{uuid.uuid4().hex[:8]}"
    script = " ".join(f"{{ {loop}; }} &" for loop in loops) + " wait"
    argv = ["run", "--detach", "--name", name, "--label", f"{OWNER}={os.getpid()}"]
    commands.check(docker.argv(*argv, "--entrypoint", "sh", digest, "-c", script))
    try:
        yield
    finally:
        commands.capture(docker.argv("rm", "--force", name))
