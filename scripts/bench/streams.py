"""Tokens/s: one stream against `llama-bench`, eight against one slot and against `llama-server`."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.bench import asking, peers, serving
from scripts.bench.ratio import Ratio
from scripts.bench.subject import Subject

PARALLEL = 8
PROMPT_WORDS = 220
GENERATED = 96

#: SmolLM2's quantizations that are compared.
QUANTIZATIONS = ("Q4_0", "Q8_0", "Q4_1")


def one(subject: Subject, runs: int = 3) -> Iterator[Ratio]:
    """One stream of the image, and `llama-bench` on the same libraries with as many threads."""
    docker, threads = subject.docker, peers.threads()
    for quantization in QUANTIZATIONS:
        model = peers.model(docker, quantization)
        figures: dict[str, tuple[list[float], list[float]]] = {
            "generation": ([], []),
            "prompt": ([], []),
        }
        with serving.service(docker, subject.digest, model, 1) as server:
            asking.complete(server, asking.words(20), 4)
            for _ in range(runs):
                read = asking.complete(server, asking.words(PROMPT_WORDS), 1)
                figures["prompt"][0].append(read.prompt_tokens / read.to_first)
                peer = peers.bench(docker, model, "prompt", read.prompt_tokens, threads)
                figures["prompt"][1].append(peer)
                told = asking.complete(server, story(), GENERATED)
                figures["generation"][0].append(told.rate)
                peer = peers.bench(docker, model, "generation", told.tokens, threads)
                figures["generation"][1].append(peer)
        for kind, aim in (("generation", 0.97), ("prompt", 0.95)):
            ours, peers_own = figures[kind]
            name = f"1 stream, {kind}, {quantization}"
            yield Ratio(name, "llama-bench", ours, peers_own, "tokens/s", aim, True)


def many(subject: Subject, runs: int = 3) -> Iterator[Ratio]:
    """Eight streams at once."""
    docker, model = subject.docker, peers.model(subject.docker, "Q4_0")
    figures: list[list[float]] = [[], [], []]
    with (
        serving.service(docker, subject.digest, model, PARALLEL) as eight,
        serving.service(docker, subject.digest, model, 1) as single,
        serving.llama_server(docker, model, PARALLEL) as peer,
    ):
        for number in range(runs + 1):
            for server, list_of in zip((eight, single, peer), figures, strict=True):
                prompts = [story() for _ in range(PARALLEL)]
                figure = asking.aggregate(asking.together(server, prompts, GENERATED // 2))
                if number:  # the first round of each warms up
                    list_of.append(figure)
    name = f"{PARALLEL} requests at once, Q4_0"
    yield Ratio(name, "one slot", figures[0], figures[1], "tokens/s", 2.5, True)
    yield Ratio(name, "llama-server", figures[0], figures[2], "tokens/s", 0.95, True)


def story() -> str:
    """A short prompt that the model answers at length."""
    return f"A long story about {asking.words(3)}. Once upon a time"
