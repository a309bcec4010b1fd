"""Runs the comparisons that were asked for: `nox -s bench -- [SECTION...]`, all by default."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from scripts import docker_engine as engine
from scripts.backends import variants
from scripts.image import build
from scripts.image import record as records
from scripts.shared import settings as settings_module
from scripts.shared.console import say
from scripts.shared.errors import PipelineError, UsageError
from tests.bench import (
    builds,
    choosing,
    compiling,
    endurance,
    peers,
    prompts,
    staging,
    starting,
    streams,
    weight,
)
from tests.bench.ratio import Ratio
from tests.bench.subject import Subject

Lines = Iterator[Ratio | str]


def _builds(subject: Subject) -> Lines:
    """`invoke build` without a change, and after an edit, against other ways to build"""
    yield builds.no_change(subject.docker, subject.settings)
    yield builds.after_an_edit(subject.docker, subject.settings)


def _staging(_: Subject) -> Lines:
    """The model staged into the build context, against cp"""
    yield staging.staged()


def _start(subject: Subject) -> Lines:
    """The container's start, against node on the host"""
    ratio, own = starting.to_healthy(subject.docker, subject.digest)
    yield ratio
    idle = starting.nothing(subject.docker, subject.digest)
    yield f"docker run of the same image, doing nothing: {statistics.median(idle):.3f} s"
    yield f"entrypoint's own part: {statistics.median(own):.0f} ms (aim <= 150 ms)"


def _stream(subject: Subject) -> Lines:
    """tokens/s of one stream, against llama-bench and llama-server"""
    return streams.one(subject)


def _parallel(subject: Subject) -> Lines:
    """tokens/s of eight requests at once, against one slot and against llama-server"""
    return streams.many(subject)


def _beside(subject: Subject) -> Lines:
    """First token while a long prompt of another is read, against alone"""
    return prompts.beside(subject)


def _prefix(subject: Subject) -> Lines:
    """First token of a prompt whose beginning is known, against a new one"""
    return prompts.repeated(subject)


def _load(subject: Subject) -> Lines:
    """10,000 requests: failures, memory, and a healthcheck's time beside them"""
    return endurance.run(subject)


def _choice(subject: Subject) -> Lines:
    """Start without a GPU, universal against the cpu variant; the probe of one good candidate"""
    settings = replace(subject.settings, variant="universal")
    universal = Subject(subject.docker, settings, build.build(settings))
    plain = build.build(replace(settings, variant="cpu"))["digest"]
    yield choosing.without_a_gpu(universal, plain)
    yield from choosing.probe(universal)


def _compiler(subject: Subject) -> Lines:
    """The compiler's cache, warm against cold, for one changed flag"""
    yield compiling.warm(subject)


def _sizes(subject: Subject) -> Lines:
    """Every variant's compressed size, against what it must hold (minutes)"""
    for name in variants.VARIANTS:
        record = build.build(replace(subject.settings, variant=name))
        yield weight.compressed(subject.docker, record)


SECTIONS: Mapping[str, Callable[[Subject], Lines]] = {
    "builds": _builds,
    "staging": _staging,
    "start": _start,
    "sizes": _sizes,
    "choice": _choice,
    "compiler": _compiler,
    "stream": _stream,
    "parallel": _parallel,
    "beside": _beside,
    "prefix": _prefix,
    "load": _load,
}

#: Those that need llama.cpp's own programs, or a model that they make.
WITH_PEERS = frozenset({"stream", "parallel", "beside", "prefix", "load"})


def main(asked: list[str]) -> None:
    """Build the image once, then measure."""
    if asked in (["--list"], ["--help"]):
        for name, section in SECTIONS.items():
            say(f"{name:10} {section.__doc__}")
        return
    if unknown := set(asked) - set(SECTIONS):
        raise UsageError(
            f"There is no section {', '.join(sorted(unknown))}.",
            next=f"One of {', '.join(SECTIONS)}.",
        )
    chosen = asked or list(SECTIONS)
    settings = settings_module.load({"yes": True}).settings
    docker = engine.ensure(settings)
    build.build(settings)
    if WITH_PEERS.intersection(chosen):
        peers.provide(docker, settings)
    subject = Subject(docker, settings, records.image())
    load = ", ".join(f"{figure:.1f}" for figure in os.getloadavg())
    say(f"\n{os.cpu_count()} CPUs, load {load}; medians, measured in turn; least to most")
    for name in chosen:
        for line in SECTIONS[name](subject):
            say(line.line() if isinstance(line, Ratio) else line)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PipelineError as error:
        sys.exit(error.message())
