"""The stand-in of a GPU backend: compiled once a run, by the engine that the tests have anyway."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from scripts import docker_engine as engines
from scripts.image import build as build_step
from scripts.shared import commands
from scripts.shared import settings as settings_module

HERE = Path(__file__).parent


@cache
def compiled(cards: int) -> bytes:
    """The library of a backend with that many cards, which computes on the CPU."""
    settings = settings_module.load().settings
    docker = engines.ensure(settings)
    debian = build_step.provide_bases(settings).contexts["debian"]
    with tempfile.TemporaryDirectory() as out:
        argv = ["buildx", "build", "--file", str(HERE / "stand_in.Dockerfile")]
        argv += ["--target", "output", "--build-context", f"debian={debian}"]
        argv += ["--build-arg", f"CARDS={cards}", "--output", f"type=local,dest={out}", str(HERE)]
        commands.check(docker.argv(*argv))
        return (Path(out) / "stand_in.so").read_bytes()


def put(path: Path, cards: int = 1) -> None:
    """Write a backend that computes on the CPU and calls itself a card."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(compiled(cards))
