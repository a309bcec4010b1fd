"""Runs the benchmarks: `nox -s bench -- [SECTION...] [--model MODEL]`, all sections by default."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from scripts import docker_engine as engine
from scripts.backends import table as backends
from scripts.backends import variants
from scripts.docker_engine import EngineOptions
from scripts.image import build
from scripts.image import record as records
from scripts.image.build_request import resolve
from scripts.shared import settings_sources
from scripts.shared.console import say
from scripts.shared.errors import PipelineError, UsageError
from scripts.shared.interruption import interruptible
from scripts.shared.paths import BUILD
from tests import containers
from tests.bench import (
    backend_choice,
    builds,
    busy,
    compiler_cache,
    compressed_size,
    first_answer,
    first_token,
    load,
    peers,
    real_sizes,
    report,
    staged_model,
    streams,
)
from tests.bench.report import Item
from tests.bench.subject import Subject

Lines = Iterator[Item]


def _builds(subject: Subject) -> Lines:
    """`invoke build` without a change and after an edit, against other ways to build"""
    yield builds.no_change(subject.docker, subject.settings)
    yield builds.after_an_edit(subject.docker, subject.settings)


def _staging(_: Subject) -> Lines:
    """Copying the model into the build context, against cp"""
    yield staged_model.stage_or_copy()


def _start(subject: Subject) -> Lines:
    """The container's start, against Node on the host"""
    ratio, entrypoint = first_answer.time_to_healthy(subject.docker, subject.digest)
    yield ratio
    empty = first_answer.empty_runs(subject.docker, subject.digest)
    yield f"docker run of the same image with `true`: {statistics.median(empty):.3f} s"
    yield f"the entrypoint's part: {statistics.median(entrypoint):.0f} ms (aim <= 150 ms)"


def _stream(subject: Subject) -> Lines:
    """tokens/s of one stream, against llama-bench and llama-server"""
    return streams.one_stream(subject)


def _context(subject: Subject) -> Lines:
    """Time of a token after prompts of 60 to 3,600 tokens, against llama-server"""
    return streams.by_context(subject)


def _parallel(subject: Subject) -> Lines:
    """tokens/s of eight requests at once, against one slot and against llama-server"""
    return streams.parallel_streams(subject)


def _beside(subject: Subject) -> Lines:
    """First token while another client's long prompt is read, against alone"""
    return first_token.beside_a_long_prompt(subject)


def _prefix(subject: Subject) -> Lines:
    """First token of a prompt whose beginning is cached, against a new prompt"""
    return first_token.with_a_known_prefix(subject)


def _busy(subject: Subject) -> Lines:
    """tokens/s beside busy programs, against their fair share, and against ggml's own barrier"""
    return busy.beside_others(subject)


def _barrier(subject: Subject) -> Lines:
    """The same where nothing else runs (4 minutes), against ggml's own barrier"""
    return busy.alone(subject)


def _load(subject: Subject) -> Lines:
    """10,000 requests: failures, memory, and the healthcheck's time under that load"""
    return load.many_requests(subject)


def _choice(subject: Subject) -> Lines:
    """Start without a GPU, universal against cpu variant; time to probe one good backend"""
    settings = replace(subject.settings, variant="universal")
    universal = Subject(subject.docker, settings, build.build(resolve(settings)))
    plain = build.build(resolve(replace(settings, variant="cpu")))["digest"]
    yield backend_choice.start_without_gpu(universal, plain)
    yield from backend_choice.probe(universal)


def _compiler(subject: Subject) -> Lines:
    """Compiling again with one changed flag: compiler cache warm, against cold"""
    yield compiler_cache.warm_or_cold(subject)


def _sizes(subject: Subject) -> Lines:
    """Each variant's compressed size, against the files that it needs (takes minutes)"""
    for name in variants.variants(backends.read()):
        record = build.build(resolve(replace(subject.settings, variant=name)))
        yield compressed_size.measure(subject.docker, record)


SECTIONS: Mapping[str, Callable[[Subject], Lines]] = {
    "builds": _builds,
    "staging": _staging,
    "start": _start,
    "sizes": _sizes,
    "choice": _choice,
    "compiler": _compiler,
    "stream": _stream,
    "context": _context,
    "parallel": _parallel,
    "beside": _beside,
    "prefix": _prefix,
    "load": _load,
    "busy": _busy,
    "barrier": _barrier,
}

#: Sections that need llama.cpp's own programs, or a model that these make.
WITH_PEERS = frozenset({"stream", "context", "parallel", "beside", "prefix", "load"})


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s bench --", description="Ratios to named peers.")
    parser.add_argument("sections", nargs="*", metavar="SECTION")
    parser.add_argument("--list", action="store_true", help="list the sections")
    parser.add_argument(
        "--model",
        default="",
        help=f"a GGUF file, or a shape with random weights: {', '.join(real_sizes.SHAPES)}; "
        "default: the image's default model",
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.sections) - set(SECTIONS):
        raise UsageError(
            f"There is no section {', '.join(sorted(unknown))}.",
            next=f"One of {', '.join(SECTIONS)}.",
        )
    return options


def main(arguments: list[str]) -> None:
    """Build the image once, then run the sections; the report is written after each."""
    options = _options(arguments)
    if options.list:
        for name, section in SECTIONS.items():
            say(f"{name:10} {section.__doc__}")
        return
    chosen = options.sections or list(SECTIONS)
    settings = settings_sources.load({"yes": True}).settings
    docker = engine.ensure(EngineOptions(settings.engine_path(), settings.yes))
    containers.remove_stale(docker)
    build.build(resolve(settings))
    if WITH_PEERS.intersection(chosen):
        peers.provide(docker, settings)
    subject = Subject(docker, settings, records.image(), options.model)
    averages = ", ".join(f"{figure:.1f}" for figure in os.getloadavg())
    title = f"{os.cpu_count()} CPUs, load {averages}; model {options.model or 'of the image'}"
    say(f"\n{title}; medians, in turn; minimum to maximum")
    done: dict[str, list[Item]] = {}
    for name in chosen:
        items = done.setdefault(f"{name}: {SECTIONS[name].__doc__}", [])
        for item in SECTIONS[name](subject):
            say(item if isinstance(item, str) else item.line())
            items.append(item)
        page = report.write(BUILD / "bench", title, done)
    say(f"report: {page}")


if __name__ == "__main__":
    try:
        with interruptible():
            main(sys.argv[1:])
    except PipelineError as error:
        sys.exit(error.message())
