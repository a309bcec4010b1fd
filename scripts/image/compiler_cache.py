"""Carries the compilers' caches between builders, e.g. from one CI run to the next."""

from __future__ import annotations

import time
from pathlib import Path

from scripts import bases
from scripts import docker_engine as engine
from scripts.image.build_request import BuildRequest
from scripts.image.plan import environment
from scripts.shared import commands
from scripts.shared.console import say, size
from scripts.shared.csv_options import csv_field
from scripts.shared.errors import BuildFailed, UsageError
from scripts.shared.paths import REPOSITORY
from scripts.shared.task_command import task_command

DOCKERFILE = REPOSITORY / "docker" / "compiler-cache.Dockerfile"

#: What an export writes into its folder.
ARCHIVE = "compiler-cache.tar"


def argv(verb: str, folder: Path, debian: str, builder: str, call: str) -> list[str]:
    """The arguments after `docker`; `verb` is `export` or `import`, `debian` a build context."""
    words = ["buildx", "build", "--file", str(DOCKERFILE), "--target", verb]
    words += ["--builder", builder] if builder else []
    words += ["--build-context", f"debian={debian}", "--build-arg", f"CALL={call}"]
    if verb == "import":
        words += ["--build-context", f"saved={folder}", "--output", "type=cacheonly"]
    else:
        words += ["--output", f"type=local,{csv_field(f'dest={folder}')}"]
    return [*words, str(DOCKERFILE.parent)]


def carry(verb: str, request: BuildRequest, folder: Path) -> None:
    """Write the caches into `folder`, or take them from there.

    Raises `UsageError` where there is nothing to take; `BuildFailed`.
    """
    archive = folder / ARCHIVE
    if verb == "import" and not archive.is_file():
        raise UsageError(
            f"{archive} is not there.", next=f"`{task_command('cache.export')}` writes it."
        )
    docker = engine.ensure(request.engine)
    made = bases.provide(
        request.bases, request.cache, yes=request.engine.yes, ca_bundle=request.ca_bundle
    )
    folder.mkdir(parents=True, exist_ok=True)
    call = str(time.time_ns())
    words = argv(verb, folder, made.contexts["debian"], request.buildx.builder, call)
    if commands.run(docker.argv(*words), env=environment(request)) != 0:
        raise BuildFailed(f"The compiler cache's {verb} failed.")
    say(f"compiler cache: {verb} of {size(archive.stat().st_size)}, {archive}")
