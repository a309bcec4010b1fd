"""The task `pins.bake`: the file for `docker buildx bake`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.shared.edge import task
from scripts.shared.paths import BUILD, REPOSITORY
from scripts.shared.settings import Loaded, Settings

if TYPE_CHECKING:
    from scripts.image.plan import BuildPlan

#: Where bake looks for the folder with the model, unless its variable names another one.
MODEL = BUILD / "context" / "model"


@task(lenient=True)
def bake(_: Loaded) -> None:
    """Write docker/docker-bake.json again, from the tables of variants and base images."""
    from scripts.image import bake_file
    from scripts.shared.console import say

    bake_file.FILE.write_text(generate(), encoding="utf-8")
    say(f"wrote {bake_file.FILE.relative_to(REPOSITORY)}")


def generate() -> str:
    """The file's text: all variants with the settings' defaults and the bundled application.

    No setting of this machine goes in. Raises `UsageError` where a table cannot be read.
    """
    from scripts.backends import variants
    from scripts.image import bake_file

    plans = {name: _plan(name, Settings()) for name in variants.names()}
    return bake_file.text(bake_file.document(plans, Settings().image, variants.DEFAULT))


def _plan(variant: str, defaults: Settings) -> BuildPlan:
    """The plan of a build with base images from their registry, of no commit yet."""
    from scripts import bases
    from scripts.application import package_json
    from scripts.backends import compiled, platforms, variants
    from scripts.bases import pins
    from scripts.docker_engine import EngineOptions
    from scripts.image.build_request import CONTEXTS, BuildRequest, BuildxOptions
    from scripts.image.plan import plan

    found = variants.find(variant)
    backends = compiled.choose(
        found.backends, defaults.cuda, defaults.cuda_archs, defaults.rocm_targets
    )
    rows = pins.read()
    sdks = tuple(rows[name] for name in backends.sdks)
    node = rows[f"node{defaults.node}"]
    choice = bases.Choice("registry", "for bake", rows["debian"], node, sdks)
    application = package_json.read("")
    request = BuildRequest(
        variant=found,
        backends=backends,
        application=application,
        pipeline=application.revision,
        bases=choice,
        node=defaults.node,
        model="",
        image=defaults.image,
        buildx=BuildxOptions(platform=platforms.choose(defaults.platform, {})),
        engine=EngineOptions(BUILD),
        cache=BUILD,
        ca_bundle=None,
        contexts=CONTEXTS,
    )
    return plan(request, bases.provide(choice, BUILD, yes=False, dry=True), MODEL)
