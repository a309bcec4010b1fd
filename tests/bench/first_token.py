"""Time to the first token: beside another client's long prompt, and with a cached prefix."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.bench import completions, servers
from tests.bench.ratio import Ratio
from tests.bench.subject import Subject

#: Words of a prompt of about 2,000 and 1,000 tokens (SmolLM2 on `completions.random_words`).
LONG, SYSTEM = 980, 490

#: Seconds after which the service is in the middle of the long prompt.
MIDDLE = 1.0


def beside_a_long_prompt(subject: Subject, runs: int = 7) -> Iterator[Ratio]:
    """A short request while another client's long prompt is read, and alone."""
    docker, (_, model) = subject.docker, subject.one("Q4_0")
    alone, crowded = [], []
    tokens = 0
    with servers.service(docker, subject.digest, model, 8) as server, ThreadPoolExecutor(1) as pool:
        completions.complete(server, completions.random_words(20), 4)
        for _ in range(runs):
            alone.append(completions.complete(server, completions.random_words(8), 2).to_first)
            other = pool.submit(completions.complete, server, completions.random_words(LONG), 2)
            time.sleep(MIDDLE + random.random() / 4)  # noqa: S311 (at any point of a batch)
            answer = completions.complete(server, completions.random_words(8), 2)
            long = other.result()
            tokens = long.prompt_tokens
            if answer.began < long.first:
                crowded.append(answer.to_first)
    name = f"first token beside a prompt of {tokens} tokens"
    if crowded:
        yield Ratio(name, "alone", crowded, alone, "s", 3)


def with_a_known_prefix(subject: Subject, runs: int = 5) -> Iterator[Ratio]:
    """A long prefix that the service has read before, with a new question at the end."""
    docker, (_, model) = subject.docker, subject.one("Q4_0")
    known, new = [], []
    tokens = 0
    with servers.service(docker, subject.digest, model, 8) as server:
        completions.complete(server, completions.random_words(20), 4)
        for _ in range(runs):
            system = f"Rules: {completions.random_words(SYSTEM)}."
            first = completions.complete(server, f"{system} One?", 2)
            new.append(first.to_first)
            known.append(completions.complete(server, f"{system} Two?", 2).to_first)
            tokens = first.prompt_tokens
    name = f"first token, {tokens} tokens of prompt known"
    yield Ratio(name, "new", known, new, "s", 0.1)
