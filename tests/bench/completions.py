"""Times streamed completions of any server with the OpenAI API, as a client sees them."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests

from tests.bench.servers import Server

#: Seconds for one answer.
TIMEOUT = 300.0

_serial = itertools.count(int(time.time()))


@dataclass(frozen=True)
class Answer:
    """Times in seconds of the monotonic clock; counts in tokens, as the server reports them."""

    began: float
    first: float
    ended: float
    prompt_tokens: int
    tokens: int

    @property
    def to_first(self) -> float:
        """Seconds from the call to the first token."""
        return self.first - self.began

    @property
    def rate(self) -> float:
        """Tokens/s after the first token."""
        return (self.tokens - 1) / (self.ended - self.first)


def random_words(count: int) -> str:
    """Text that no server has cached: about 2 tokens of SmolLM2 for each word."""
    pick = random.Random(next(_serial))  # noqa: S311 (words, not secrets)
    vowels, others = "aeiou", "bdfklmnprst"
    return " ".join(
        "".join(pick.choice(others) + pick.choice(vowels) for _ in range(2)) for _ in range(count)
    )


def complete(server: Server, prompt: str, tokens: int) -> Answer:
    """One completion. Raises `requests.HTTPError` when the status is an error."""
    body = {"model": server.model, "prompt": prompt, "max_tokens": tokens, "temperature": 0}
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    began = time.monotonic()
    first = ended = 0.0
    usage: dict[str, int] = {}
    url = f"{server.address}/v1/completions"
    with requests.post(url, json=body, stream=True, timeout=TIMEOUT) as response:
        response.raise_for_status()
        for line in response.iter_lines(chunk_size=None):
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            if any(choice.get("text") for choice in event.get("choices", ())):
                ended = time.monotonic()
                first = first or ended
            usage = event.get("usage") or usage
    end = time.monotonic()
    return Answer(
        began, first or end, ended or end, usage["prompt_tokens"], usage["completion_tokens"]
    )


def complete_all(server: Server, prompts: Sequence[str], tokens: int) -> list[Answer]:
    """Completions of all prompts at once, one thread each."""
    with ThreadPoolExecutor(len(prompts)) as pool:
        return list(pool.map(lambda prompt: complete(server, prompt, tokens), prompts))


def total_rate(answers: Sequence[Answer]) -> float:
    """Tokens/s of all answers together, from the very first token to the very last."""
    took = max(one.ended for one in answers) - min(one.first for one in answers)
    return sum(one.tokens for one in answers) / took
