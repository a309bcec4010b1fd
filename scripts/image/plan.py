"""Decides how an image is built: settings in, a `BuildPlan` and its exact argv out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from scripts.application.package import Application, tags
from scripts.application.revision import Revision
from scripts.backends import compiled as backends
from scripts.backends.variants import DEFAULT, Variant
from scripts.bases import Bases
from scripts.shared.paths import BUILD, REPOSITORY
from scripts.shared.settings import Settings

#: The stage of the Dockerfile that yields the image; its build argument VARIANT says which one.
IMAGE_STAGE = "image"


@dataclass(frozen=True)
class BuildPlan:
    """Everything that `docker buildx build` is told. Mappings keep their order."""

    dockerfile: Path
    context: Path
    target: str
    tags: tuple[str, ...]
    contexts: Mapping[str, str]
    arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    ca_bundle: Path | None = None
    platform: str = ""
    builder: str = ""
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    no_cache: bool = False
    output: str = ""
    progress: str = "auto"
    metadata: Path = BUILD / "metadata.json"


def plan(
    settings: Settings,
    application: Application,
    variant: Variant,
    bases: Bases,
    model: Path,
    pipeline: Revision,
    ca_bundle: Path | None,
) -> BuildPlan:
    """Combine the parts: `model` is the folder with the staged model, `pipeline` our own commit."""
    labels = {
        "org.opencontainers.image.title": application.name,
        "org.opencontainers.image.version": application.version,
        "org.opencontainers.image.revision": application.revision.commit,
        "org.opencontainers.image.source": application.revision.source,
        "org.opencontainers.image.licenses": application.license,
        "org.opencontainers.image.description": "Local LLMs on CUDA, ROCm or CPU, found by itself",
        "org.opencontainers.image.base.name": bases.identities["debian"],
        "io.mentator.variant": variant.name,
    }
    made = backends.choose(
        variant.backends, settings.cuda, settings.cuda_archs, settings.rocm_targets
    )
    arguments = {"VARIANT": variant.name, **made.arguments, "ADDON": application.addon}
    epochs = [int(made.epoch) for made in (pipeline, application.revision) if made.epoch]
    if epochs:
        # Times in the image are the later commit's: the same commits give the same digest.
        arguments["SOURCE_DATE_EPOCH"] = str(max(epochs))
    return BuildPlan(
        dockerfile=REPOSITORY / "docker" / "Dockerfile",
        context=REPOSITORY / "docker",
        target=IMAGE_STAGE,
        tags=tags(settings.image, application.version, variant.name, DEFAULT),
        contexts={**bases.contexts, "app": str(application.path), "model": str(model)},
        arguments=arguments,
        labels={name: value for name, value in labels.items() if value},
        ca_bundle=ca_bundle,
        platform=settings.platform,
        builder=settings.builder,
        cache_from=settings.cache_from,
        cache_to=settings.cache_to,
        no_cache=settings.no_cache,
        output=settings.output,
        progress=settings.progress,
    )


def build_argv(plan: BuildPlan) -> list[str]:
    """The arguments after `docker`, exactly as they are run."""
    argv = ["buildx", "build"]
    argv += _option("--builder", plan.builder)
    argv += ["--file", str(plan.dockerfile), "--target", plan.target]
    argv += _option("--platform", plan.platform)
    for name, value in plan.contexts.items():
        argv += ["--build-context", f"{name}={value}"]
    for name, value in plan.arguments.items():
        argv += ["--build-arg", f"{name}={value}"]
    for name, value in plan.labels.items():
        argv += ["--label", f"{name}={value}"]
    for tag in plan.tags:
        argv += ["--tag", tag]
    if plan.ca_bundle:
        argv += ["--secret", f"id=ca,src={plan.ca_bundle}"]
    for source in plan.cache_from:
        argv += ["--cache-from", source]
    for target in plan.cache_to:
        argv += ["--cache-to", target]
    argv += ["--no-cache"] if plan.no_cache else []
    argv += ["--output", plan.output] if plan.output else ["--load"]
    # Provenance holds the build's start time, so that no two digests would be the same.
    argv += ["--provenance=false"]
    argv += ["--progress", plan.progress, "--metadata-file", str(plan.metadata)]
    return [*argv, str(plan.context)]


def check_argv(plan: BuildPlan) -> list[str]:
    """The arguments after `docker` of BuildKit's own lint of the Dockerfile."""
    argv = ["buildx", "build", "--check"]
    argv += _option("--builder", plan.builder)
    argv += ["--file", str(plan.dockerfile), "--target", plan.target]
    for name, value in plan.contexts.items():
        argv += ["--build-context", f"{name}={value}"]
    for name, value in plan.arguments.items():
        argv += ["--build-arg", f"{name}={value}"]
    return [*argv, str(plan.context)]


def check_stage(plan: BuildPlan, stage: str = "application-check") -> BuildPlan:
    """The plan of a stage that checks the application and yields no image."""
    return replace(plan, target=stage, tags=(), labels={}, output="type=cacheonly")


def _option(name: str, value: str) -> list[str]:
    return [name, value] if value else []
