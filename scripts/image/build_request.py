"""Resolves the settings of a build, once, into one value that everything below takes.

The only module of this room that sees `Settings`. It asks git which commit this is, engine and
registry whether they answer, and fetches the application where `--app` names a git reference; it
starts and builds nothing.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from scripts import bases, docker_engine
from scripts.application import package_json, revision
from scripts.application.package_json import Application
from scripts.application.revision import Revision
from scripts.backends import compiled, platforms, variants
from scripts.backends import table as backends_table
from scripts.backends.compiled import Backends
from scripts.backends.variants import Variant
from scripts.docker_engine import EngineOptions
from scripts.host import ca_bundle
from scripts.image import image_tags
from scripts.shared import proxies
from scripts.shared.errors import UsageError
from scripts.shared.paths import BUILD, REPOSITORY
from scripts.shared.settings import Loaded, Settings

#: Where models are staged: a folder in it is the build context named `model`.
CONTEXTS = BUILD / "context"


@dataclass(frozen=True)
class BuildxOptions:
    """The settings that are passed on to `docker buildx build` as they are."""

    platform: str = ""
    builder: str = ""
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    no_cache: bool = False
    output: str = ""
    progress: str = "auto"


@dataclass(frozen=True)
class BuildRequest:
    """Everything that was decided about one build.

    `model` is the setting, which names a model; `pipeline` is the commit of this repository, and
    `image` the repository of the tags. `proxies` are variables, which the build gets.
    """

    variant: Variant
    backends: Backends
    application: Application
    pipeline: Revision
    bases: bases.Choice
    node: str
    model: str
    image: str
    buildx: BuildxOptions
    engine: EngineOptions
    cache: Path
    ca_bundle: Path | None
    contexts: Path
    proxies: Mapping[str, str] = field(default_factory=dict)


def resolve(settings: Settings, *, dry: bool = False) -> BuildRequest:
    """Decide what the settings ask for. With `dry` nothing stays on the disk.

    Raises `UsageError`, `ApplicationMissing`, `BasesUnreachable`.
    """
    platform = platforms.choose(settings.platform, os.environ)
    variant = variants.find(settings.variant)
    backends = compiled.choose(
        variant.backends, settings.cuda, settings.cuda_archs, settings.rocm_targets
    )
    cache = settings.cache_path()
    folder = settings.engine_path()
    # The registry may take seconds to answer, or not to answer, and so may an engine.
    with ThreadPoolExecutor() as pool:
        found = pool.submit(docker_engine.find, folder, remember=not dry)
        choice = pool.submit(
            bases.choose, settings.bases, settings.node, backends.sdks, settings.base_registry
        )
        application = (_preview if dry else package_json.provide)(settings.app, cache)
        image_tags.check(application.version, variant.name, variants.names())
        # The bundled application lies in this repository: one commit, asked once.
        pipeline = revision.of(REPOSITORY) if settings.app else application.revision
    return BuildRequest(
        variant=variant,
        backends=backends,
        application=application,
        pipeline=pipeline,
        bases=choice.result(),
        node=settings.node,
        model=settings.model,
        image=settings.image,
        buildx=BuildxOptions(
            platform=platform,
            builder=settings.builder,
            cache_from=settings.cache_from,
            cache_to=settings.cache_to,
            no_cache=settings.no_cache,
            output=settings.output,
            progress=settings.progress,
        ),
        engine=EngineOptions(folder, settings.yes, found.result()),
        cache=cache,
        ca_bundle=ca_bundle.find(settings.ca_bundle),
        contexts=CONTEXTS,
        proxies=proxies.both_spellings(),
    )


def require_effect(loaded: Loaded, *, push: bool = False) -> None:
    """Raise `UsageError` for a flag that would have no effect beside another one.

    What stands in a file or a variable is for all builds, and may be about none of this one.
    """
    settings, flags = loaded.settings, {k for k, v in loaded.origin.items() if v == "flag"}
    variant = variants.find(settings.variant)
    for name, mode in compiled.modes_of_flags(backends_table.read()).items():
        if name in flags and mode.name not in variant.backends:
            raise UsageError(
                f"--{name.replace('_', '-')} is about {mode.title}, which the variant "
                f"{variant.name} does not hold.",
                next=f"Leave it out, or take --variant {mode.name}.",
            )
    if settings.no_cache and settings.cache_from and flags & {"no_cache", "cache_from"}:
        raise UsageError(
            "--no-cache uses no cache, so --cache-from has no effect.", next="Leave one out."
        )
    if push and settings.output:
        raise UsageError(
            "With --output the image is not loaded into the engine, from which --push pushes.",
            next="Leave one out.",
        )


def _preview(named: str, cache: Path) -> Application:
    """The application as a build would have it in `cache`, read from a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        found = package_json.provide(named, Path(folder))
        if found.path.is_relative_to(folder):
            return replace(found, path=cache / found.path.relative_to(folder))
        return found
