"""A stand-in for a GPU backend, compiled once per test run in a container."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from scripts import bases
from scripts import docker_engine as engines
from scripts.image.build_request import resolve
from scripts.shared import commands, settings_sources

HERE = Path(__file__).parent


@cache
def compile_backend(cards: int) -> bytes:
    """Compile the library of a backend that reports `cards` cards and computes on the CPU."""
    request = resolve(settings_sources.load().settings)
    docker = engines.ensure(request.engine)
    made = bases.provide(request.bases, request.cache, yes=request.engine.yes)
    debian = made.contexts["debian"]
    with tempfile.TemporaryDirectory() as out:
        argv = ["buildx", "build", "--file", str(HERE / "stand_in.Dockerfile")]
        argv += ["--target", "output", "--build-context", f"debian={debian}"]
        argv += ["--build-arg", f"CARDS={cards}", "--output", f"type=local,dest={out}", str(HERE)]
        commands.check(docker.argv(*argv))
        return (Path(out) / "stand_in.so").read_bytes()


def put(path: Path, cards: int = 1) -> None:
    """Write a backend that reports `cards` cards and computes on the CPU."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(compile_backend(cards))
