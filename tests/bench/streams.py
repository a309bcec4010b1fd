"""Tokens/s of one stream and of eight, against llama.cpp's own programs and one slot."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping

from tests.bench import completions, peers, servers
from tests.bench.ratio import Ratio
from tests.bench.report import Item, Series
from tests.bench.subject import Subject

PARALLEL = 8
PROMPT_WORDS = 220
GENERATED = 96

#: Words of prompts, about 2 tokens each, up to nearly the servers' context.
CONTEXT_WORDS = (30, 240, 480, 960, 1800)

#: Seconds between two measurements: llama.cpp's threads spin for a while after each.
REST = 1.0

#: The quantizations of SmolLM2 that are compared.
QUANTIZATIONS = ("Q4_0", "Q8_0", "Q4_1")


def one_stream(subject: Subject, runs: int = 7) -> Iterator[Ratio]:
    """One stream of the image, against `llama-bench` and `llama-server` with the same libraries.

    `llama-bench` samples no token and sends none. `llama-server` does both: its distance to
    `llama-bench` shows what a server can reach on this machine.
    """
    docker, threads = subject.docker, peers.threads()
    for quantization, model in subject.models(QUANTIZATIONS):
        generation: tuple[list[float], ...] = ([], [], [])
        prompt: tuple[list[float], ...] = ([], [], [])
        with (
            servers.service(docker, subject.digest, model, 1) as server,
            servers.llama_server(docker, model, 1) as peer,
        ):
            for one_of in (server, peer):
                completions.complete(one_of, completions.random_words(20), 4)
            for _ in range(runs):
                for number, one_of in enumerate((server, peer)):
                    time.sleep(REST)
                    # Warm up, as llama-bench does: after a pause everything takes longer.
                    completions.complete(one_of, completions.random_words(PROMPT_WORDS), 1)
                    read = completions.complete(one_of, completions.random_words(PROMPT_WORDS), 1)
                    prompt[number].append(read.prompt_tokens / read.to_first)
                    told = completions.complete(one_of, story(), GENERATED)
                    generation[number].append(told.rate)
                time.sleep(REST)
                bare = (docker, model, threads)
                prompt[2].append(peers.llama_bench(*bare, "prompt", read.prompt_tokens))
                generation[2].append(peers.llama_bench(*bare, "generation", told.tokens))
        for kind, figures, aim in (("generation", generation, 0.97), ("prompt", prompt, 0.95)):
            ours, other, best = figures
            name = f"1 stream, {kind}, {quantization}"
            yield Ratio(name, "llama-bench", ours, best, "tokens/s", aim, True)
            yield Ratio(name, "llama-server", ours, other, "tokens/s", aim, True)


def parallel_streams(subject: Subject, runs: int = 7) -> Iterator[Ratio | str]:
    """Eight streams at once."""
    docker, (label, model) = subject.docker, subject.one("Q4_0")
    figures: list[list[float]] = [[], [], [], []]
    bare: list[Mapping[int, float]] = []
    with (
        servers.service(docker, subject.digest, model, PARALLEL) as eight,
        servers.service(docker, subject.digest, model, 1) as single,
        servers.llama_server(docker, model, PARALLEL) as peer,
        servers.llama_server(docker, model, 1) as single_peer,
    ):
        for number in range(runs + 1):
            for server, list_of in zip((eight, single, peer, single_peer), figures, strict=True):
                prompts = [story() for _ in range(PARALLEL)]
                time.sleep(REST)
                figure = completions.total_rate(
                    completions.complete_all(server, prompts, GENERATED)
                )
                if number:  # the first round is a warm-up
                    list_of.append(figure)
            time.sleep(REST)
            bare.append(peers.llama_batched_bench(docker, model, (1, PARALLEL), GENERATED))
    name = f"{PARALLEL} requests at once, {label}"
    yield Ratio(name, "one slot", figures[0], figures[1], "tokens/s", 2.5, True)
    yield Ratio(name, "llama-server", figures[0], figures[2], "tokens/s", 0.95, True)
    gained = statistics.median(figures[2]) / statistics.median(figures[3])
    yield f"llama-server, {PARALLEL} slots / one slot: {gained:.2f}"
    alone, together = (statistics.median(one[n] for one in bare) for n in (1, PARALLEL))
    yield (
        f"llama.cpp without a server, {PARALLEL} sequences / one sequence:"
        f" {together:.0f} / {alone:.0f} tokens/s, {together / alone:.2f}"
    )


def by_context(subject: Subject, runs: int = 3) -> Iterator[Item]:
    """Time of a token after prompts of growing length, of the image and of `llama-server`."""
    docker, (label, model) = subject.docker, subject.one("Q4_0")
    lengths: list[float] = []
    ours: list[list[float]] = []
    peer: list[list[float]] = []
    with (
        servers.service(docker, subject.digest, model, 1) as server,
        servers.llama_server(docker, model, 1) as other,
    ):
        for words in CONTEXT_WORDS:
            figures: tuple[list[float], list[float]] = ([], [])
            for _ in range(runs):
                for one_of, list_of in zip((server, other), figures, strict=True):
                    time.sleep(REST)
                    answer = completions.complete(one_of, completions.random_words(words), 32)
                    list_of.append(1000 / answer.rate)
            lengths.append(answer.prompt_tokens)
            ours.append(figures[0])
            peer.append(figures[1])
    name = f"time of a token after so many others, {label}"
    for whose, of in (("the image", ours), ("llama-server", peer)):
        medians = [statistics.median(figures) for figures in of]
        yield Series(f"{name}, {whose}", lengths, medians, "tokens", "ms")
    yield Ratio(f"{name}: {lengths[-1]:.0f}", "llama-server", ours[-1], peer[-1], "ms", 1.05)


def story() -> str:
    """A short prompt with a long answer."""
    return f"A long story about {completions.random_words(3)}. Once upon a time"
