"""The tasks: `invoke --list`. Each reads the settings and calls one plain function of `scripts`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from invoke.collection import Collection
from invoke.context import Context

from scripts.backends import table as backends
from scripts.backends.variants import choices
from scripts.shared import settings as settings_module
from scripts.shared.console import say
from scripts.shared.edge import edge, task
from scripts.shared.settings import Loaded, Settings

YES = "install and start what is missing without a question"


with edge():
    CHOICES = choices(backends.read())


def _load(**flags: Any) -> Loaded:
    return settings_module.load(flags, choices=CHOICES)


def _settings(**flags: Any) -> Settings:
    return _load(**flags).settings


@task()
def config(_: Context) -> None:
    """Print every setting, its value, where it came from, and what it may be."""
    loaded = _load()
    rows = settings_module.table(loaded)
    width = max(len(name) for name, _, _ in rows)
    for name, value, origin in rows:
        may_be = f"  one of: {', '.join(loaded.choices[name])}" if loaded.choices[name] else ""
        say(f"{name:{width}}  {value or '-'}  ({origin}){may_be}")


@task(help={"json": "machine-readable"})
def doctor(_: Context, json: bool = False) -> None:
    """Check this machine: engine, disk, memory, registries, model, GPU drivers."""
    from scripts import doctor as verb

    verb.run(_settings(), as_json=json)


@task(help={"yes": YES})
def engine_start(_: Context, yes: bool = False) -> None:
    """Make sure that a Docker engine answers: find, start or install one."""
    from scripts import docker_engine as engine

    engine.start(_settings(yes=yes or None))


@task()
def engine_stop(_: Context) -> None:
    """Stop the project's own engine, and no other."""
    from scripts import docker_engine as engine

    engine.stop(_settings())


@task()
def engine_status(_: Context) -> None:
    """Show which engine is used, its versions, and whether it is the project's own."""
    from scripts import docker_engine as engine

    for line in engine.status(_settings()):
        say(line)


BUILD_HELP = {
    "variant": f"which image: {', '.join(CHOICES['variant'])}",
    "cuda": "CUDA backend: auto, prebuilt or source",
    "cuda-archs": "GPU architectures that CUDA must have code for, e.g. 90,120",
    "rocm-targets": "GPU targets that ROCm is compiled for, e.g. gfx1100,gfx90a, or all",
    "model": "default model: a path, a URL or a name",
    "node": "Node's major version: 20, 22 or 24",
    "bases": "base images from: auto, registry or packages",
    "app": "another application: its folder, or a git reference (REPOSITORY.git#REF:FOLDER)",
    "platform": "as docker buildx build --platform",
    "builder": "as docker buildx build --builder",
    "cache-from": "as docker buildx build --cache-from (repeatable)",
    "cache-to": "as docker buildx build --cache-to (repeatable)",
    "no-cache": "as docker buildx build --no-cache",
    "output": "as docker buildx build --output, instead of loading into the engine",
    "progress": "as docker buildx build --progress",
    "push": "publish afterwards",
    "dry": "print the exact commands and change nothing",
    "yes": YES,
}


@task(help=BUILD_HELP, iterable=["cache_from", "cache_to"])
def build(
    _: Context,
    variant: str | None = None,
    cuda: str | None = None,
    cuda_archs: str | None = None,
    rocm_targets: str | None = None,
    model: str | None = None,
    node: str | None = None,
    bases: str | None = None,
    app: str | None = None,
    platform: str | None = None,
    builder: str | None = None,
    cache_from: list[str] | None = None,
    cache_to: list[str] | None = None,
    no_cache: bool = False,
    output: str | None = None,
    progress: str | None = None,
    push: bool = False,
    dry: bool = False,
    yes: bool = False,
) -> None:
    """Build the image."""
    from scripts.image import build as verb

    settings = _settings(
        variant=variant,
        cuda=cuda,
        cuda_archs=cuda_archs,
        rocm_targets=rocm_targets,
        model=model,
        node=node,
        bases=bases,
        app=app,
        platform=platform,
        builder=builder,
        cache_from=tuple(cache_from or ()),
        cache_to=tuple(cache_to or ()),
        no_cache=no_cache or None,
        output=output,
        progress=progress,
        yes=yes or None,
    )
    if dry:
        verb.show(settings)
        return
    verb.build(settings)
    if push:
        from scripts.image import publish as publish_verb

        publish_verb.publish(settings)


@task(help={"registry": "the registry to push to", "dry": "print the exact commands only"})
def publish(_: Context, registry: str | None = None, dry: bool = False) -> None:
    """Push the image that the smoke tests passed, by digest."""
    from scripts.image import publish as verb

    verb.publish(_settings(registry=registry), dry=dry)


@task(
    help={
        "check": "fail where the image is over its variant's budget, with its largest files",
        "svg": "write a picture of the layers into this file",
    }
)
def size(_: Context, check: bool = False, svg: str = "") -> None:
    """Show the built image's layers and sizes."""
    from scripts.image import size_report

    size_report.show(_settings(), check=check, svg=svg)


@task(help={"output": "the folder to write, new or empty"})
def export(_: Context, output: str) -> None:
    """Write the built image's root file system in parts, with a script that runs it in a chroot."""
    from scripts.image import export as verb

    verb.export(_settings(), Path(output).expanduser().resolve())


@task(help={"to": "the folder to write"})
def cache_export(_: Context, to: str) -> None:
    """Write the compilers' caches into a folder, for another builder or CI's next run."""
    from scripts.image import compiler_cache

    compiler_cache.carry("export", _settings(), Path(to).expanduser().resolve())


@task(help={"source": "a folder that `cache.export` wrote"})
def cache_import(_: Context, source: str) -> None:
    """Take the compilers' caches out of a folder, so that an unchanged source compiles at once."""
    from scripts.image import compiler_cache

    compiler_cache.carry("import", _settings(), Path(source).expanduser().resolve())


@task(
    help={
        "yes": YES,
        "variant": "which image to build (default: the one of this machine's hardware)",
        "backend": f"what the container must run on: {', '.join(CHOICES['backend'])}",
        "model": "default model: a path, a URL or a name",
        "data": "the container's data folder on this machine",
        "port": "the port on this machine",
        "host": "the address on this machine that the port is published on",
        "rebuild": "build even when an image is there",
    }
)
def up(
    _: Context,
    yes: bool = False,
    variant: str | None = None,
    backend: str | None = None,
    model: str | None = None,
    data: str | None = None,
    port: int | None = None,
    host: str | None = None,
    rebuild: bool = False,
) -> None:
    """From nothing to an answer: engine, model, build, run, first prompt."""
    from scripts.running import up as verb

    flags = {"variant": variant, "backend": backend, "model": model}
    places = {"data": data, "port": port, "host": host}
    loaded = _load(**flags, **places, yes=yes or None)
    any_variant = loaded.origin["variant"] == "default"
    verb.up(loaded.settings, rebuild=rebuild, any_variant=any_variant)


@task()
def down(_: Context) -> None:
    """Stop and remove the container; its data folder stays."""
    from scripts.running import up as verb

    verb.down(_settings())


@task(help={"follow": "go on printing as lines come"})
def logs(_: Context, follow: bool = False) -> None:
    """Print the container's log."""
    from scripts.running import up as verb

    verb.logs(_settings(), follow=follow)


@task(help={"prompt": "what to ask", "model": "which model (default: the first one)"})
def ask(_: Context, prompt: str, model: str | None = None) -> None:
    """Send one prompt to the running container; print the answer and tokens per second."""
    from scripts.running import ask as verb

    verb.ask(_settings(), prompt, model=model or "")


@task(help={"yes": YES, "rocm-targets": BUILD_HELP["rocm-targets"] + " (default: one)"})
def test(_: Context, yes: bool = False, rocm_targets: str | None = None) -> None:
    """Lint, build and run every test; ends with pytest's own summary."""
    from scripts.project import checks as suite

    loaded = _load(yes=yes or None, rocm_targets=rocm_targets)
    any_targets = loaded.origin["rocm_targets"] == "default"
    suite.everything(loaded.settings, any_targets=any_targets)


@task(help={"files": "only those that need no engine: seconds instead of minutes"})
def lint(_: Context, files: bool = False) -> None:
    """Run every linter."""
    from scripts.project import checks as suite

    if files:
        suite.lint_files()
    else:
        suite.lint(_settings())


@task()
def pins_update(_: Context) -> None:
    """Write the newest digests and versions of the base images into docker/bases/pins.json."""
    from scripts.project import base_pins as pins

    pins.update()


@task()
def pins_lock(_: Context) -> None:
    """Lock the Python requirements anew, with hashes."""
    from scripts.project import requirement_locks as locks

    locks.compile_all()


namespace = Collection(
    config, doctor, build, publish, size, export, up, down, logs, ask, test, lint
)
_engine = Collection("engine")
for _name, _verb in (("start", engine_start), ("stop", engine_stop), ("status", engine_status)):
    _engine.add_task(_verb, name=_name)
_pins = Collection("pins")
for _name, _verb in (("update", pins_update), ("lock", pins_lock)):
    _pins.add_task(_verb, name=_name)
_cache = Collection("cache")
for _name, _verb in (("export", cache_export), ("import", cache_import)):
    _cache.add_task(_verb, name=_name)
namespace.add_collection(_cache)
namespace.add_collection(_engine)
namespace.add_collection(_pins)
