"""The tasks: `./mentator --list`. Each takes settings and calls one plain function with them.

Modules are imported where they are used: a task starts without those of the others.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.collection import Collection

from scripts.backends import table as backends
from scripts.backends.variants import choices
from scripts.deploy import deploy_task
from scripts.image import bake_task
from scripts.running import model_tasks
from scripts.shared import settings_report
from scripts.shared.console import say
from scripts.shared.edge import edge
from scripts.shared.edge import task as declare_task
from scripts.shared.paths import expand
from scripts.shared.settings import Loaded, Settings
from scripts.trust.verify_task import verify, vulnerabilities

if TYPE_CHECKING:
    from scripts.docker_engine import EngineOptions

with edge():
    CHOICES = choices(backends.read())

task = partial(declare_task, choices=CHOICES)


@task(lenient=True, json="machine-readable")
def config(loaded: Loaded, json: bool = False) -> None:
    """Print every setting, its value in force, where it came from, and what it means."""
    from scripts.host import ca_bundle

    bundle = "" if loaded.settings.ca_bundle else ca_bundle.find("")
    say(settings_report.report(loaded, found={"ca_bundle": str(bundle or "")}, as_json=json))


@task(lenient=True, json="machine-readable")
def doctor(loaded: Loaded, json: bool = False) -> None:
    """Check this machine: engine, disk, memory, registries, model, GPU drivers."""
    from scripts import doctor as verb

    verb.run(loaded.settings.engine_path(), loaded.settings.ca_bundle, as_json=json)


@task("yes")
def engine_start(loaded: Loaded) -> None:
    """Make sure that a Docker engine answers: find, start or install one."""
    from scripts import docker_engine

    docker_engine.start(_engine(loaded.settings))


@task(lenient=True)
def engine_stop(loaded: Loaded) -> None:
    """Stop the project's own engine, and no other."""
    from scripts import docker_engine

    docker_engine.stop(loaded.settings.engine_path())


@task(lenient=True)
def engine_status(loaded: Loaded) -> None:
    """Show which engine is used, its versions, and whether it is the project's own."""
    from scripts import docker_engine

    for line in docker_engine.status(loaded.settings.engine_path()):
        say(line)


@task(
    *("variant", "cuda", "cuda_archs", "rocm_targets", "model", "node", "bases", "app"),
    *("platform", "builder", "cache_from", "cache_to", "no_cache", "output", "progress", "yes"),
    push="publish afterwards",
    dry="print the exact commands and change nothing",
)
def build(loaded: Loaded, push: bool = False, dry: bool = False) -> None:
    """Build the image."""
    from scripts.image import build as verb
    from scripts.image import build_request

    build_request.require_effect(loaded, push=push)
    resolved = build_request.resolve(loaded.settings, dry=dry)
    if dry:
        verb.show(resolved)
        if push:
            say("# then publish, if the smoke tests have passed with the digest of this build")
        return
    verb.build(resolved)
    if push:
        _publish(loaded.settings)


@task("registry", "sign_key", replace="replace a published version", dry="only print the commands")
def publish(loaded: Loaded, replace: bool = False, dry: bool = False) -> None:
    """Push the image that the smoke tests passed, by digest."""
    _publish(loaded.settings, replace=replace, dry=dry)


@task(check="fail where the image is over its variant's budget, with its largest files")
def size(loaded: Loaded, check: bool = False) -> None:
    """Show the built image's layers and sizes."""
    from scripts.image import size_report

    size_report.show(_engine(loaded.settings), check=check)


@task(output="the folder to write, new or empty")
def export(loaded: Loaded, output: str) -> None:
    """Write the built image's root file system in parts, with a script that runs it in a chroot."""
    from scripts.image import export as verb

    verb.export(_engine(loaded.settings), _folder(output))


@task(to="the folder to write")
def cache_export(loaded: Loaded, to: str) -> None:
    """Write the compilers' caches into a folder, for another builder or CI's next run."""
    from scripts.image import build_request, compiler_cache

    compiler_cache.carry("export", build_request.resolve(loaded.settings), _folder(to))


@task(source="a folder that `cache.export` wrote")
def cache_import(loaded: Loaded, source: str) -> None:
    """Take the compilers' caches out of a folder, so that an unchanged source compiles at once."""
    from scripts.image import build_request, compiler_cache

    compiler_cache.carry("import", build_request.resolve(loaded.settings), _folder(source))


@task(
    *("yes", "variant", "backend", "model", "data", "port", "host", "name"),
    variant="which image to build (default: the one of this machine's hardware)",
    rebuild="build even when an image is there",
)
def up(loaded: Loaded, rebuild: bool = False) -> None:
    """From nothing to an answer: engine, model, build, run, first prompt."""
    from scripts.running import up as verb
    from scripts.running import up_request

    verb.up(up_request.resolve(loaded), rebuild=rebuild)


@task("name", lenient=True, force="also one of others")
def down(loaded: Loaded, force: bool = False) -> None:
    """Stop and remove the container; its data folder stays."""
    from scripts.running import up as verb

    verb.down(_engine(loaded.settings), loaded.settings.name, force=force)


@task("name", lenient=True, follow="print lines as they come", force="also of one of others")
def logs(loaded: Loaded, follow: bool = False, force: bool = False) -> None:
    """Print the container's log."""
    from scripts.running import up as verb

    verb.logs(_engine(loaded.settings), loaded.settings.name, follow=follow, force=force)


@task("host", "port", "data", prompt="what to ask", model="which one (default: the first)")
def ask(loaded: Loaded, prompt: str, model: str = "") -> None:
    """Send one prompt to the running container; print the answer and tokens per second."""
    from scripts.running import ask as verb

    service = model_tasks.service(loaded)
    verb.ask(service.address, prompt, model=model, key=service.key)


@task("yes", "rocm_targets", rocm_targets="GPU targets that ROCm is compiled for (default: one)")
def test(loaded: Loaded) -> None:
    """Lint, build and run every test; ends with pytest's own summary."""
    from scripts.image import build_request
    from scripts.project import checks

    settings = loaded.settings
    if loaded.origin["rocm_targets"] == "default":
        say(f"ROCm is compiled for {', '.join(checks.TEST_TARGETS)} (--rocm-targets all: for all)")
        settings = replace(settings, rocm_targets=checks.TEST_TARGETS)
    targets = ",".join(settings.rocm_targets)
    checks.everything(
        build_request.resolve(settings), {"MENTATOR_YES": "1", "MENTATOR_ROCM_TARGETS": targets}
    )


@task(files="only those that need no engine: seconds instead of minutes")
def lint(loaded: Loaded, files: bool = False) -> None:
    """Run every linter."""
    from scripts.image import build_request
    from scripts.project import checks

    checks.lint_files() if files else checks.lint(build_request.resolve(loaded.settings))


@task()
def pins_update(_: Loaded) -> None:
    """Write the newest digests and versions of the base images into docker/bases/pins.json."""
    from scripts.project import update_base_pins

    update_base_pins.update()


@task()
def pins_lock(_: Loaded) -> None:
    """Lock the Python requirements again, with hashes."""
    from scripts.project import requirement_locks

    requirement_locks.compile_all()


def _engine(settings: Settings) -> EngineOptions:
    """Where an engine is searched, and whether one may be installed."""
    from scripts.docker_engine import EngineOptions

    return EngineOptions(settings.engine_path(), settings.yes)


def _publish(settings: Settings, **how: bool) -> None:
    from scripts.image import publish as verb

    verb.publish(_engine(settings), settings.registry, settings.sign_key, **how)


def _folder(named: str) -> Path:
    return expand(named).resolve()


def _group(name: str, **tasks: Any) -> Collection:
    group = Collection(name)
    for verb, body in tasks.items():
        group.add_task(body, name=verb)
    return group


namespace = Collection(
    *(config, doctor, build, publish, verify, size, export, up, down, logs, ask, test, lint),
    *(deploy_task.declare(CHOICES), vulnerabilities),
    _group("cache", **{"export": cache_export, "import": cache_import}),
    _group("engine", start=engine_start, stop=engine_stop, status=engine_status),
    _group("models", list=model_tasks.show, pull=model_tasks.pull, remove=model_tasks.remove),
    _group("pins", update=pins_update, lock=pins_lock, bake=bake_task.bake),
)
