"""Time to the first token: beside another's long prompt, and of a system prompt that is known."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.bench import asking, peers, serving
from tests.bench.ratio import Ratio
from tests.bench.subject import Subject

#: Words of a prompt of some 2,000 and 1,000 tokens (SmolLM2 on `asking.words`).
LONG, SYSTEM = 980, 490

#: Seconds after which the long prompt is certainly being read, and still far from its end.
INTO_IT = 1.0


def beside(subject: Subject, runs: int = 7) -> Iterator[Ratio]:
    """A short request alone, and while another's long prompt is read."""
    docker, model = subject.docker, peers.model(subject.docker, "Q4_0")
    alone, crowded = [], []
    tokens = 0
    with serving.service(docker, subject.digest, model, 8) as server, ThreadPoolExecutor(1) as pool:
        asking.complete(server, asking.words(20), 4)
        for _ in range(runs):
            alone.append(asking.complete(server, asking.words(8), 2).to_first)
            other = pool.submit(asking.complete, server, asking.words(LONG), 2)
            time.sleep(INTO_IT + random.random() / 4)  # noqa: S311 (in any part of a batch)
            answer = asking.complete(server, asking.words(8), 2)
            long = other.result()
            tokens = long.prompt_tokens
            if answer.began < long.first:
                crowded.append(answer.to_first)
    name = f"first token beside a prompt of {tokens} tokens"
    if crowded:
        yield Ratio(name, "alone", crowded, alone, "s", 3)


def repeated(subject: Subject, runs: int = 5) -> Iterator[Ratio]:
    """A long beginning that was read before, with another question."""
    docker, model = subject.docker, peers.model(subject.docker, "Q4_0")
    known, new = [], []
    tokens = 0
    with serving.service(docker, subject.digest, model, 8) as server:
        asking.complete(server, asking.words(20), 4)
        for _ in range(runs):
            system = f"Rules: {asking.words(SYSTEM)}."
            first = asking.complete(server, f"{system} One?", 2)
            new.append(first.to_first)
            known.append(asking.complete(server, f"{system} Two?", 2).to_first)
            tokens = first.prompt_tokens
    name = f"first token, {tokens} tokens of prompt known"
    yield Ratio(name, "new", known, new, "s", 0.1)
