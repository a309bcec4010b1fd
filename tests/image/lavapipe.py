"""Mesa's lavapipe, a Vulkan device that computes on the CPU, in a folder for tests to mount."""

from __future__ import annotations

from pathlib import Path

from scripts import bases
from scripts import docker_engine as engines
from scripts.image.build_request import resolve
from scripts.shared import commands, settings_sources
from scripts.shared.paths import REPOSITORY

HERE = Path(__file__).parent


def put(folder: Path) -> None:
    """Write lavapipe (170 MB, most of it LLVM) and its manifest `lavapipe.json` into a folder."""
    request = resolve(settings_sources.load().settings)
    docker = engines.ensure(request.engine)
    made = bases.provide(request.bases, request.cache, yes=request.engine.yes)
    argv = ["buildx", "build", "--file", str(HERE / "lavapipe.Dockerfile"), "--target", "output"]
    argv += ["--build-context", f"debian={made.contexts['debian']}"]
    argv += ["--build-context", f"docker={REPOSITORY / 'docker'}"]
    argv += ["--output", f"type=local,dest={folder}", str(HERE)]
    commands.check(docker.argv(*argv), timeout=1800)
    folder.chmod(0o755)
