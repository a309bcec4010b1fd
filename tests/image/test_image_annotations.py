"""What a real registry shows of an image that the pipeline's own command built and pushed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from scripts.application.revision import Revision
from scripts.bases import Bases
from scripts.docker_engine import Engine
from scripts.image import record as records
from scripts.image.build_request import BuildxOptions
from scripts.image.image_annotations import PREFIX
from scripts.image.plan import BuildPlan, build_argv, plan
from scripts.shared import commands
from tests.image import registry
from tests.unit.build_requests import APPLICATION, request

OCI = "application/vnd.oci.image.manifest.v1+json"
BASE = "sha256:" + "d" * 64
NAME = "annotations/test"


@pytest.fixture
def target(tmp_path: Path, engine: Engine) -> Iterator[registry.Registry]:
    with registry.running(tmp_path / "registry") as running:
        yield running
    commands.capture(engine.argv("image", "rm", "--force", f"{running.host}/{NAME}:1"))


def planned(folder: Path, reference: str, epoch: str = "1700000000") -> BuildPlan:
    """The pipeline's plan for an image of one small file."""
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text("FROM scratch AS image\nCOPY Dockerfile /\n")
    revision = Revision("c" * 40, epoch, "https://git.example/app.git")
    built = request(
        application=replace(APPLICATION, revision=revision),
        pipeline=Revision("b" * 40, epoch),
        buildx=BuildxOptions(no_cache=True),
    )
    bases = Bases("registry", {}, {"debian": f"debian:trixie@{BASE}"})
    return replace(
        plan(built, bases, folder),
        dockerfile=folder / "Dockerfile",
        context=folder,
        contexts={},
        tags=(reference,),
        metadata=folder / "metadata.json",
    )


def built(engine: Engine, chosen: BuildPlan) -> str:
    commands.check(engine.argv(*build_argv(chosen)))
    return str(records.read(chosen.metadata)["containerimage.digest"])


def manifest(target: registry.Registry, digest: str) -> dict[str, Any]:
    url = f"http://{target.host}/v2/{NAME}/manifests/{digest}"
    answer = requests.get(url, headers={"Accept": OCI}, timeout=10)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def test_the_registry_shows_version_commit_time_and_base_image(
    engine: Engine, target: registry.Registry, tmp_path: Path
) -> None:
    reference = f"{target.host}/{NAME}:1"
    digest = built(engine, planned(tmp_path / "context", reference))
    commands.check(engine.argv("push", reference))
    assert target.digest(NAME, "1") == digest
    shown = manifest(target, digest)
    assert shown["mediaType"] == OCI
    assert {
        f"{PREFIX}version": APPLICATION.version,
        f"{PREFIX}revision": "c" * 40,
        f"{PREFIX}source": "https://git.example/app.git",
        f"{PREFIX}url": "https://git.example/app",
        f"{PREFIX}created": "2023-11-14T22:13:20Z",
        f"{PREFIX}base.name": "debian:trixie",
        f"{PREFIX}base.digest": BASE,
    }.items() <= shown["annotations"].items()


def test_the_same_commit_gives_the_same_digest_and_another_gives_another(
    engine: Engine, target: registry.Registry, tmp_path: Path
) -> None:
    reference = f"{target.host}/{NAME}:1"
    chosen = planned(tmp_path / "context", reference)
    first = built(engine, chosen)
    assert built(engine, chosen) == first
    other = {**chosen.annotations, f"{PREFIX}revision": "e" * 40}
    assert built(engine, replace(chosen, annotations=other)) != first
