"""What `docker buildx bake` reads from docker/docker-bake.json is what `build` would run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.application import package_json
from scripts.application.revision import Revision
from scripts.backends import compiled, platforms, variants
from scripts.bases import Bases
from scripts.image import bake_file, bake_task
from scripts.image.build_request import BuildxOptions
from scripts.image.plan import LOAD, build_argv, plan
from scripts.shared import commands
from scripts.shared.paths import REPOSITORY
from scripts.shared.settings import Settings
from tests.unit.build_requests import request

#: Reads the file and asks no engine.
BAKE = [
    "docker",
    "buildx",
    "bake",
    "--file",
    str(bake_file.FILE),
    "--print",
    "--allow",
    "fs.read=*",
]

needs_buildx = pytest.mark.skipif(
    commands.capture(["docker", "buildx", "version"]).code != 0, reason="buildx is not installed"
)


def printed(*arguments: str, **variables: str) -> dict[str, Any]:
    """What bake makes of the file, with nothing but these variables."""
    names = json.loads(bake_file.FILE.read_text("utf-8"))["variable"]
    environment = {**dict.fromkeys(names), **variables}
    out = commands.check([*BAKE, *arguments], cwd=REPOSITORY, env=environment)
    read: dict[str, Any] = json.loads(out)
    return read


def options(argv: list[str]) -> dict[str, list[str]]:
    """Each option of `docker buildx build` with its values, and `context`."""
    found: dict[str, list[str]] = {"context": [argv[-1]]}
    words = iter(argv[2:-1])
    for word in words:
        name, _, value = word.partition("=")
        flag = name in ("--load", "--no-cache")
        found.setdefault(name, []).append(value or ("" if flag else next(words)))
    return {name: sorted(values) for name, values in found.items()}


def as_options(target: dict[str, Any]) -> dict[str, list[str]]:
    """A target as bake prints it, in the words of `docker buildx build`."""
    pairs = {"--build-context": "contexts", "--build-arg": "args", "--label": "labels"}
    found = {
        option: sorted(f"{name}={value}" for name, value in target[key].items())
        for option, key in pairs.items()
    }
    return found | {
        "context": [str(REPOSITORY / target["context"])],
        "--file": [str(REPOSITORY / target["context"] / target["dockerfile"])],
        "--target": [target["target"]],
        "--platform": target["platforms"],
        "--tag": sorted(target["tags"]),
        "--secret": [f"id={each['id']},src={each['src']}" for each in target.get("secret", [])],
        "--provenance": ["false"] if target["attest"] == [NO_PROVENANCE] else [],
        "--output": [OUTPUT[json.dumps(each)] for each in target.get("output", [])],
    }


NO_PROVENANCE = {"type": "provenance", "disabled": True}
#: What bake makes of `--load`, and what `build` asks for: annotations need OCI's media types.
OUTPUT = {json.dumps({"type": "docker"}): LOAD}

#: Of one run. The annotations repeat labels, and bake's images have none.
HERE = {"--progress", "--metadata-file", "--annotation"}


def test_the_file_is_that_of_the_tables() -> None:
    """Also after a change of a table, a pin or the service's version: `./mentator pins.bake`."""
    assert bake_file.FILE.read_text("utf-8") == bake_task.generate()


@needs_buildx
@pytest.mark.parametrize("variant", variants.names())
def test_bake_and_build_do_the_same(variant: str, tmp_path: Path) -> None:
    authority = tmp_path / "an authority.pem"
    authority.touch()
    found, defaults = variants.find(variant), Settings()
    backends = compiled.choose(found.backends, "auto", (), ())
    contexts = {"debian": "docker-image://d@sha256:1", "node": "docker-image://n@sha256:2"}
    if "rocm-sdk" in backends.sdks:
        contexts["rocm-base"] = "docker-image://r"
    application = package_json.read("")
    revision = Revision("c0ffee", "1700000000", "https://git.example/it")
    built = request(
        variant=found,
        backends=backends,
        application=replace(application, revision=revision),
        pipeline=revision,
        image="registry.example/me/it",
        ca_bundle=authority,
        buildx=BuildxOptions(platform=platforms.choose("", {})),
    )
    bases = Bases("registry", contexts, {"debian": "d@sha256:1"})
    argv = options(build_argv(plan(built, bases, tmp_path)))
    variables = {f"CONTEXT_{k.replace('-', '_').upper()}": v for k, v in contexts.items()}
    target = printed(
        "--load",
        variant,
        **variables,
        CONTEXT_APP=str(application.path),
        CONTEXT_MODEL=str(tmp_path),
        CA_BUNDLE=str(authority),
        IMAGE_NAME="registry.example/me/it",
        IMAGE_BASE="d@sha256:1",
        IMAGE_REVISION="c0ffee",
        IMAGE_SOURCE="https://git.example/it",
        SOURCE_DATE_EPOCH="1700000000",
    )["target"][variant]
    assert as_options(target) == {k: v for k, v in argv.items() if k not in HERE}
    assert defaults.image in printed(variant)["target"][variant]["tags"][0]


@needs_buildx
def test_without_variables_nothing_of_a_machine_is_named() -> None:
    text = json.dumps(printed(bake_file.ALL))
    assert str(REPOSITORY) not in text
    target = json.loads(text)["target"]
    assert set(target) == set(variants.names())
    for each in target.values():
        assert "secret" not in each
        assert "SOURCE_DATE_EPOCH" not in each["args"]
        assert "org.opencontainers.image.revision" not in each["labels"]


@needs_buildx
def test_the_default_is_the_universal_image_and_can_be_pushed() -> None:
    (name,) = printed()["target"]
    assert name == variants.DEFAULT
    pushed = printed("--push")["target"][name]
    assert pushed["output"] == [{"push": "true", "type": "image"}]


@needs_buildx
@pytest.mark.parametrize("name", ["a,b.pem", 'a"b.pem', "a b=c.pem", "${HOME}.pem"])
def test_any_path_of_an_authority_is_one_secret(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.touch()
    target = printed("cpu", CA_BUNDLE=str(path))["target"]["cpu"]
    assert target["secret"] == [{"id": "ca", "src": str(path)}]


def test_text_that_looks_like_a_template_is_not_one() -> None:
    plans = {
        "cpu": plan(request(backends=compiled.Backends({"X": "${HOME}%{if}"})), BASES, Path("/m"))
    }
    written = bake_file.document(plans, "me/app", "cpu")["target"]["cpu"]["args"]["X"]
    assert written == "$${HOME}%%{if}"


BASES = Bases("registry", {"debian": "docker-image://d"}, {"debian": "d"})
