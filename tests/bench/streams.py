"""Tokens/s of one stream and of eight, against llama.cpp's own programs and against one slot."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping

from tests.bench import asking, peers, serving
from tests.bench.ratio import Ratio
from tests.bench.subject import Subject

PARALLEL = 8
PROMPT_WORDS = 220
GENERATED = 96

#: Seconds of rest before another's turn: llama.cpp's threads go on spinning for a while.
REST = 1.0

#: SmolLM2's quantizations that are compared.
QUANTIZATIONS = ("Q4_0", "Q8_0", "Q4_1")


def one(subject: Subject, runs: int = 7) -> Iterator[Ratio]:
    """One stream of the image, against `llama-bench` and `llama-server` on the same libraries.

    `llama-bench` neither chooses a token nor sends one: how far `llama-server`, which does both,
    stays behind it says what a server can reach on this machine.
    """
    docker, threads = subject.docker, peers.threads()
    for quantization in QUANTIZATIONS:
        model = peers.model(docker, quantization)
        generation: tuple[list[float], ...] = ([], [], [])
        prompt: tuple[list[float], ...] = ([], [], [])
        with (
            serving.service(docker, subject.digest, model, 1) as server,
            serving.llama_server(docker, model, 1) as peer,
        ):
            for one_of in (server, peer):
                asking.complete(one_of, asking.words(20), 4)
            for _ in range(runs):
                for number, one_of in enumerate((server, peer)):
                    time.sleep(REST)
                    # As llama-bench does before it measures: after a rest everything takes longer.
                    asking.complete(one_of, asking.words(PROMPT_WORDS), 1)
                    read = asking.complete(one_of, asking.words(PROMPT_WORDS), 1)
                    prompt[number].append(read.prompt_tokens / read.to_first)
                    told = asking.complete(one_of, story(), GENERATED)
                    generation[number].append(told.rate)
                time.sleep(REST)
                bare = (docker, model, threads)
                prompt[2].append(peers.bench(*bare, "prompt", read.prompt_tokens))
                generation[2].append(peers.bench(*bare, "generation", told.tokens))
        for kind, figures, aim in (("generation", generation, 0.97), ("prompt", prompt, 0.95)):
            ours, other, best = figures
            name = f"1 stream, {kind}, {quantization}"
            yield Ratio(name, "llama-bench", ours, best, "tokens/s", aim, True)
            yield Ratio(name, "llama-server", ours, other, "tokens/s", aim, True)


def many(subject: Subject, runs: int = 7) -> Iterator[Ratio | str]:
    """Eight streams at once."""
    docker, model = subject.docker, peers.model(subject.docker, "Q4_0")
    figures: list[list[float]] = [[], [], [], []]
    bare: list[Mapping[int, float]] = []
    with (
        serving.service(docker, subject.digest, model, PARALLEL) as eight,
        serving.service(docker, subject.digest, model, 1) as single,
        serving.llama_server(docker, model, PARALLEL) as peer,
        serving.llama_server(docker, model, 1) as single_peer,
    ):
        for number in range(runs + 1):
            for server, list_of in zip((eight, single, peer, single_peer), figures, strict=True):
                prompts = [story() for _ in range(PARALLEL)]
                time.sleep(REST)
                figure = asking.aggregate(asking.together(server, prompts, GENERATED))
                if number:  # the first round of each warms up
                    list_of.append(figure)
            time.sleep(REST)
            bare.append(peers.batched(docker, model, (1, PARALLEL), GENERATED))
    name = f"{PARALLEL} requests at once, Q4_0"
    yield Ratio(name, "one slot", figures[0], figures[1], "tokens/s", 2.5, True)
    yield Ratio(name, "llama-server", figures[0], figures[2], "tokens/s", 0.95, True)
    gained = statistics.median(figures[2]) / statistics.median(figures[3])
    yield f"llama-server itself, {PARALLEL} slots / one: {gained:.2f}"
    alone, together = (statistics.median(one[n] for one in bare) for n in (1, PARALLEL))
    yield (
        f"llama.cpp without a server, {PARALLEL} sequences / one: {together:.0f} / {alone:.0f} "
        f"tokens/s, {together / alone:.2f}"
    )


def story() -> str:
    """A short prompt that the model answers at length."""
    return f"A long story about {asking.words(3)}. Once upon a time"
