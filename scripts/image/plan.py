"""Decides how an image is built: a request in, a `BuildPlan` and its exact argv out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from scripts.bases import Bases
from scripts.image import image_annotations, image_tags
from scripts.image.build_request import BuildRequest, BuildxOptions
from scripts.shared.csv_options import csv_field
from scripts.shared.paths import BUILD, REPOSITORY

#: The stage of the Dockerfile that yields the image; its build argument VARIANT says which one.
IMAGE_STAGE = "image"

#: What `--load` is short for, with OCI's media types: in Docker's own, annotations have no place.
LOAD = "type=docker,oci-mediatypes=true"

#: Variables of buildx that would change the image's digest or where it goes: labels of its own,
#: attestations, another builder (there is the setting `builder`), no loading.
CLEARED = (
    *("BUILDX_GIT_LABELS", "BUILDX_GIT_INFO", "BUILDX_GIT_CHECK_DIRTY", "BUILDX_BUILDER"),
    *("BUILDX_NO_DEFAULT_ATTESTATIONS", "BUILDX_NO_DEFAULT_LOAD", "BUILDX_METADATA_PROVENANCE"),
)


@dataclass(frozen=True)
class BuildPlan:
    """All arguments of `docker buildx build`. Mappings keep their order."""

    dockerfile: Path
    context: Path
    target: str
    tags: tuple[str, ...]
    contexts: Mapping[str, str]
    arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    proxies: tuple[str, ...] = ()
    ca_bundle: Path | None = None
    buildx: BuildxOptions = field(default_factory=BuildxOptions)
    metadata: Path = field(default_factory=lambda: BUILD / f"metadata-{os.getpid()}.json")


def plan(request: BuildRequest, bases: Bases, model_context: Path) -> BuildPlan:
    """The request with the base images and the model that were made available for it."""
    application = request.application
    labels = {
        "org.opencontainers.image.title": application.name,
        "org.opencontainers.image.version": application.version,
        "org.opencontainers.image.revision": application.revision.commit,
        "org.opencontainers.image.source": application.revision.source,
        "org.opencontainers.image.licenses": application.license,
        "org.opencontainers.image.description": (
            "Local LLMs on CUDA, ROCm, Vulkan or CPU, found by itself"
        ),
        "org.opencontainers.image.base.name": bases.identities["debian"],
        "io.mentator.variant": request.variant.name,
    }
    arguments = {
        "VARIANT": request.variant.name,
        **request.backends.arguments,
        "ADDON": application.addon,
    }
    epochs = [int(x.epoch) for x in (request.pipeline, application.revision) if x.epoch]
    if epochs:
        # Times in the image are the later commit's: the same commits give the same digest.
        arguments["SOURCE_DATE_EPOCH"] = str(max(epochs))
    labels = {name: value for name, value in labels.items() if value}
    return BuildPlan(
        dockerfile=REPOSITORY / "docker" / "Dockerfile",
        context=REPOSITORY / "docker",
        target=IMAGE_STAGE,
        tags=image_tags.local(request.image, application.version, request.variant.name),
        contexts={
            **bases.contexts,
            "app": str(application.path),
            "model": str(model_context),
        },
        arguments=arguments,
        labels=labels,
        annotations=image_annotations.choose(
            labels, bases.identities["debian"], arguments.get("SOURCE_DATE_EPOCH", "")
        ),
        proxies=tuple(request.proxies),
        ca_bundle=request.ca_bundle,
        buildx=request.buildx,
    )


def build_argv(plan: BuildPlan) -> list[str]:
    """The arguments after `docker`, exactly as they are run."""
    argv = ["buildx", "build"]
    argv += _option("--builder", plan.buildx.builder)
    argv += ["--file", str(plan.dockerfile), "--target", plan.target]
    argv += _option("--platform", plan.buildx.platform)
    for name, value in plan.contexts.items():
        argv += ["--build-context", f"{name}={value}"]
    for name, value in plan.arguments.items():
        argv += ["--build-arg", f"{name}={value}"]
    for name in plan.proxies:
        # Without a value, which may hold a password: the client takes it from its environment.
        argv += ["--build-arg", name]
    for name, value in plan.labels.items():
        argv += ["--label", f"{name}={value}"]
    argv += image_annotations.options(plan.annotations)
    for tag in plan.tags:
        argv += ["--tag", tag]
    if plan.ca_bundle:
        argv += ["--secret", f"id=ca,{csv_field(f'src={plan.ca_bundle}')}"]
    for source in plan.buildx.cache_from:
        argv += ["--cache-from", source]
    for target in plan.buildx.cache_to:
        argv += ["--cache-to", target]
    argv += ["--no-cache"] if plan.buildx.no_cache else []
    argv += ["--output", plan.buildx.output or LOAD]
    # Provenance holds the build's start time, so that no two digests would be the same.
    argv += ["--provenance=false"]
    argv += ["--progress", plan.buildx.progress, "--metadata-file", str(plan.metadata)]
    return [*argv, str(plan.context)]


def check_argv(plan: BuildPlan) -> list[str]:
    """The arguments after `docker` of BuildKit's own lint of the Dockerfile."""
    argv = ["buildx", "build", "--check"]
    argv += _option("--builder", plan.buildx.builder)
    argv += ["--file", str(plan.dockerfile), "--target", plan.target]
    for name, value in plan.contexts.items():
        argv += ["--build-context", f"{name}={value}"]
    for name, value in plan.arguments.items():
        argv += ["--build-arg", f"{name}={value}"]
    return [*argv, str(plan.context)]


def check_stage(plan: BuildPlan, stage: str = "application-check") -> BuildPlan:
    """The plan of a stage that checks the application and yields no image."""
    buildx = replace(plan.buildx, output="type=cacheonly")
    return replace(plan, target=stage, tags=(), labels={}, annotations={}, buildx=buildx)


def environment(request: BuildRequest) -> dict[str, str | None]:
    """What the client's environment must have, and must not: None takes a variable out."""
    return {**request.proxies, **dict.fromkeys(CLEARED)}


def _option(name: str, value: str) -> list[str]:
    return [name, value] if value else []
