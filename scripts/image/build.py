"""Builds the image: engine, model, bases, then `docker buildx build`, then the record."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts import bases as base_images
from scripts import docker_engine as engine
from scripts import model
from scripts.bases import Bases
from scripts.docker_engine import Engine
from scripts.image import record as records
from scripts.image.build_request import BuildRequest
from scripts.image.plan import BuildPlan, build_argv, environment, plan
from scripts.model import StagedModel
from scripts.shared import answering, commands, proxies
from scripts.shared.console import echo, say, warn
from scripts.shared.errors import BuildFailed
from scripts.shared.task_command import task_command


def build(request: BuildRequest) -> dict[str, Any]:
    """Build the image that was asked for; returns its record, also in `build/image.json`."""
    docker = engine.ensure(request.engine)
    clock = Clock()
    with model.provide(request.model, request.cache, request.contexts, request.ca_bundle) as staged:
        clock.lap("model")
        for note in (request.bases.why, *request.backends.notes):
            say(note)
        _warn_of_unknown_commits(request)
        for name in proxies.on_loopback(request.proxies):
            warn(f"{name} names a proxy on this machine, which the build's containers do not reach")
        bases = base_images.provide(
            request.bases, request.cache, yes=request.engine.yes, ca_bundle=request.ca_bundle
        )
        clock.lap("bases")
        chosen = plan(request, bases, staged.path.parent)
        digest = _run(docker, chosen, environment(request))
    clock.lap("build")
    record = _record(request, chosen, bases, staged, digest)
    if not request.buildx.output:
        record["size"] = _sizes(docker, digest)
    clock.lap("sizes")
    record["seconds"] = clock.laps
    records.write(records.IMAGE, record)
    say(f"built {chosen.tags[0]} ({chosen.tags[1].rpartition(':')[2]}), {digest}")
    return record


def show(request: BuildRequest) -> None:
    """Print the exact commands of a build and change nothing (`--dry`)."""
    docker = request.engine.found or Engine.of_client()
    revision = request.application.revision
    if revision.source:
        say(f"# the application: {revision.source}, commit {revision.commit}")
    _warn_of_unknown_commits(request)
    say(request.bases.why)
    bases = base_images.provide(request.bases, request.cache, yes=False, dry=True)
    source = model.describe(request.model, request.cache)
    context = model.expected_context(request.model, request.cache, request.contexts)
    say(f"# the model: {source}, staged in {context}")
    if (url := model.address(request.model, request.cache)) and (fault := answering.fault(url)):
        instead = "stops here" if request.model else f"takes {model.catalog.SMALL.name} instead"
        say(f"# {url}: {fault}. A build that cannot fetch it {instead}.")
    echo(docker.argv(*build_argv(plan(request, bases, context))))


def _warn_of_unknown_commits(request: BuildRequest) -> None:
    application, pipeline = request.application.revision, request.pipeline
    if application.unknown:
        warn(f"the image's labels name no commit: {application.unknown}")
    if not application.epoch and not pipeline.epoch:
        warn(f"the image has the time of its build, so each one differs: {pipeline.unknown}")


def _run(docker: Engine, chosen: BuildPlan, environment: Mapping[str, str | None]) -> str:
    """Run the build; returns the image's digest."""
    chosen.metadata.parent.mkdir(parents=True, exist_ok=True)
    try:
        code = commands.run(docker.argv(*build_argv(chosen)), env=environment, end_with_us=True)
        metadata = records.read(chosen.metadata)
    finally:
        chosen.metadata.unlink(missing_ok=True)
        remove_old_metadata(chosen.metadata.parent)
    digest: str = metadata.get("containerimage.digest", "")
    if code != 0 or not digest:
        raise BuildFailed(
            f"Build failed: docker buildx build exited with {code}.",
            why="Its own output above names the step.",
            next=f"Fix it and run `{task_command('build')}` again: finished steps are cached.",
        )
    return digest


def remove_old_metadata(folder: Path) -> None:
    """Remove the metadata of builds that were killed: the processes in the names are gone."""
    for path in folder.glob("metadata-*.json"):
        number = path.stem.removeprefix("metadata-")
        if number.isdigit() and not _runs(int(number)):
            path.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 only asks (kill(2))
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def _record(
    request: BuildRequest, chosen: BuildPlan, bases: Bases, staged: StagedModel, digest: str
) -> dict[str, Any]:
    """What the next steps and the documents have to know of the image."""
    app = request.application
    return {
        "digest": digest,
        "image": request.image,
        "tags": list(chosen.tags),
        "application": {
            "name": app.name,
            "version": app.version,
            "node-llama-cpp": app.llama,
            "commit": app.revision.commit,
            "epoch": app.revision.epoch,
            "source": app.revision.source,
        },
        "variant": request.variant.name,
        "backends": dict(request.backends.arguments),
        "node": request.node,
        "bases": {"source": bases.source, **bases.identities},
        "model": {
            "setting": request.model,
            "name": staged.name,
            "sha256": staged.sha256,
            "bytes": staged.size,
        },
        "revision": request.pipeline.commit,
    }


def _sizes(docker: Engine, digest: str) -> dict[str, Any]:
    """Print and return the image's sizes: of the record, where the digest is the same as there."""
    from scripts.image import size  # takes 30 ms, after a build that may end before

    last = records.read(records.IMAGE)
    same = last.get("digest") == digest and "size" in last
    sizes = size.from_record(last["size"]) if same else size.measure(docker, digest)
    say(size.table(sizes))
    return sizes.record()


class Clock:
    """Seconds by step, for the record."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        """Book the time since the last lap under `name`."""
        now = time.monotonic()
        self.laps[name] = round(now - self._last, 3)
        self._last = now
