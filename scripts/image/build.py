"""Builds the image: engine, model, bases, then `docker buildx build`, then the record."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from scripts import bases as base_images
from scripts import docker_engine as engine
from scripts import model
from scripts.application import package as application
from scripts.application import revision
from scripts.application.package import Application
from scripts.application.revision import Revision
from scripts.backends import compiled as backends
from scripts.backends import variants
from scripts.bases import Bases
from scripts.docker_engine import Engine
from scripts.host import ca_bundle
from scripts.image import record as records
from scripts.image import size as image_size
from scripts.image.plan import BuildPlan, build_argv, plan
from scripts.shared import commands
from scripts.shared.console import echo, say
from scripts.shared.errors import BuildFailed
from scripts.shared.paths import BUILD, REPOSITORY
from scripts.shared.settings import Settings

#: The staged model's folder: the build context named `model`.
MODEL_CONTEXT = BUILD / "context" / "model"


def build(settings: Settings) -> dict[str, Any]:
    """Build the image that the settings ask for; returns its record, also in `build/image.json`."""
    variant = variants.find(settings.variant)
    app = application.provide(settings.app, settings.cache_path())
    docker = engine.ensure(settings)
    clock = Clock()
    staged = model.provide(settings.model, settings.cache_path(), MODEL_CONTEXT)
    clock.lap("model")
    bases = provide_bases(settings)
    for note in gpu_backends(settings).notes:
        say(note)
    clock.lap("bases")
    chosen = plan_of(settings, app, bases)
    digest = _run(docker, chosen)
    clock.lap("build")
    record: dict[str, Any] = {
        "digest": digest,
        "image": settings.image,
        "tags": list(chosen.tags),
        "application": {
            "name": app.name,
            "version": app.version,
            "node-llama-cpp": app.llama,
            **asdict(app.revision),
        },
        "variant": variant.name,
        "backends": dict(gpu_backends(settings).arguments),
        "node": settings.node,
        "bases": {"source": bases.source, **bases.identities},
        "model": {"name": staged.name, "sha256": staged.sha256, "bytes": staged.size},
        "revision": revision.of(REPOSITORY).commit,
    }
    if not chosen.output:
        sizes = _sizes(docker, digest)
        say(image_size.table(sizes))
        record["size"] = sizes.record()
    clock.lap("sizes")
    record["seconds"] = clock.laps
    records.write(records.IMAGE, record)
    say(f"built {chosen.tags[0]} ({chosen.tags[1].rpartition(':')[2]}), {digest}")
    return record


def show(settings: Settings) -> None:
    """Print the exact commands of a build and change nothing (`--dry`)."""
    docker = engine.find(settings) or Engine.of_client()
    with tempfile.TemporaryDirectory() as cache:
        app = application.provide(settings.app, Path(cache))
        if app.path.is_relative_to(cache):
            app = replace(app, path=settings.cache_path() / app.path.relative_to(cache))
            say(f"# the application: {app.revision.source}, commit {app.revision.commit}")
    bases = provide_bases(settings, dry=True)
    source = model.describe(settings.model, settings.cache_path())
    say(f"# the model: {source}, staged in {MODEL_CONTEXT}")
    chosen = plan_of(settings, app, bases)
    echo(docker.argv(*build_argv(chosen)))


def plan_of(
    settings: Settings, app: Application, bases: Bases, pipeline: Revision | None = None
) -> BuildPlan:
    """The plan with what this machine adds: staged model, our own commit, trusted authorities."""
    return plan(
        settings,
        app,
        variants.find(settings.variant),
        bases,
        MODEL_CONTEXT,
        pipeline or revision.of(REPOSITORY),
        ca_bundle.find(settings.ca_bundle),
    )


def gpu_backends(settings: Settings) -> backends.Backends:
    """How the chosen variant's GPU backends are made."""
    return backends.choose(
        variants.find(settings.variant).backends,
        settings.cuda,
        settings.cuda_archs,
        settings.rocm_targets,
    )


def provide_bases(settings: Settings, *, dry: bool = False) -> Bases:
    """The base images of the chosen variant; with `dry` none is built or fetched."""
    return base_images.provide(
        settings.bases,
        settings.node,
        settings.cache_path(),
        sdks=gpu_backends(settings).sdks,
        yes=settings.yes and not dry,
        dry=dry,
    )


def _run(docker: Engine, chosen: BuildPlan) -> str:
    """Run the build; returns the image's digest."""
    chosen.metadata.parent.mkdir(parents=True, exist_ok=True)
    try:
        code = commands.run(docker.argv(*build_argv(chosen)))
        metadata = records.read(chosen.metadata)
    finally:
        chosen.metadata.unlink(missing_ok=True)
    digest: str = metadata.get("containerimage.digest", "")
    if code != 0 or not digest:
        raise BuildFailed(
            f"docker buildx build exited with {code}.",
            why="Its own output above names the step.",
            next="Mend it and run `invoke build` again: finished steps are cached.",
        )
    return digest


def _sizes(docker: Engine, digest: str) -> image_size.Sizes:
    """The image's sizes; those of the record where the build came to the same image again."""
    last = records.read(records.IMAGE)
    if last.get("digest") == digest and "size" in last:
        return image_size.from_record(last["size"])
    return image_size.measure(docker, digest)


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
