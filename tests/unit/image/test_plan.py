from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.application.revision import Revision
from scripts.backends import compiled
from scripts.backends.variants import find
from scripts.bases import Bases
from scripts.image.build_request import BuildRequest, BuildxOptions
from scripts.image.plan import LOAD, BuildPlan, build_argv, check_argv, check_stage, plan
from scripts.project.checks import barrier_check, entrypoint_check
from scripts.shared.paths import BUILD, REPOSITORY
from tests.unit.build_requests import APPLICATION, request

BASES = Bases(
    "registry",
    {"debian": "docker-image://debian@sha256:d", "node": "docker-image://node@sha256:n"},
    {"debian": "debian@sha256:d", "node": "node@sha256:n"},
)
PLAN = BuildPlan(
    dockerfile=Path("/r/Dockerfile"),
    context=Path("/r"),
    target="cpu",
    tags=("a:latest", "a:1"),
    contexts={"debian": "docker-image://d", "app": "/app"},
    metadata=Path("/b/metadata.json"),
)
HEAD = ["buildx", "build", "--file", "/r/Dockerfile", "--target", "cpu"]
CONTEXTS = ["--build-context", "debian=docker-image://d", "--build-context", "app=/app"]
TAGS = ["--tag", "a:latest", "--tag", "a:1"]
TAIL = ["--provenance=false", "--progress", "auto", "--metadata-file", "/b/metadata.json", "/r"]


def planned(built: BuildRequest) -> BuildPlan:
    return plan(built, BASES, Path("/model"))


def test_the_plainest_build() -> None:
    assert build_argv(PLAN) == [*HEAD, *CONTEXTS, *TAGS, "--output", LOAD, *TAIL]


@pytest.mark.parametrize(
    ("path", "option"),
    [
        ("/a b/ca.pem", "id=ca,src=/a b/ca.pem"),
        ("/a,b/ca.pem", 'id=ca,"src=/a,b/ca.pem"'),
        ('/a"b/ca.pem', 'id=ca,"src=/a""b/ca.pem"'),
    ],
)
def test_a_path_with_a_comma_or_a_quote_is_one_field(path: str, option: str) -> None:
    argv = build_argv(replace(PLAN, ca_bundle=Path(path)))
    assert argv[argv.index("--secret") + 1] == option


def test_every_option_in_its_place() -> None:
    full = replace(
        PLAN,
        arguments={"ONE": "1", "TWO": "a b"},
        labels={"l": "v w"},
        annotations={"a.b": "c=d, e"},
        ca_bundle=Path("/ca.pem"),
        buildx=BuildxOptions(
            platform="linux/arm64",
            builder="far",
            cache_from=("type=gha", "type=local,src=c"),
            cache_to=("type=inline",),
            no_cache=True,
            output="type=oci,dest=o.tar",
            progress="plain",
        ),
    )
    assert build_argv(full) == [
        *["buildx", "build", "--builder", "far", "--file", "/r/Dockerfile", "--target", "cpu"],
        *["--platform", "linux/arm64", *CONTEXTS],
        *["--build-arg", "ONE=1", "--build-arg", "TWO=a b", "--label", "l=v w"],
        *["--annotation", "manifest:a.b=c=d, e", *TAGS],
        *["--secret", "id=ca,src=/ca.pem"],
        *["--cache-from", "type=gha", "--cache-from", "type=local,src=c"],
        *["--cache-to", "type=inline", "--no-cache", "--output", "type=oci,dest=o.tar"],
        *["--provenance=false", "--progress", "plain", "--metadata-file", "/b/metadata.json"],
        "/r",
    ]


def test_a_plan_holds_what_the_parts_say() -> None:
    assert planned(request()) == BuildPlan(
        dockerfile=REPOSITORY / "docker" / "Dockerfile",
        context=REPOSITORY / "docker",
        target="image",
        tags=("me/app:latest-cpu", "me/app:1.2.3-cpu"),
        contexts={**BASES.contexts, "app": "/app", "model": "/model"},
        arguments={"VARIANT": "cpu", "ADDON": "stock", "SOURCE_DATE_EPOCH": "1700000000"},
        labels={
            "org.opencontainers.image.title": "app",
            "org.opencontainers.image.version": "1.2.3",
            "org.opencontainers.image.revision": "c0ffee",
            "org.opencontainers.image.source": "git@host:app",
            "org.opencontainers.image.licenses": "MIT",
            "org.opencontainers.image.description": (
                "Local LLMs on CUDA, ROCm, Vulkan or CPU, found by itself"
            ),
            "org.opencontainers.image.base.name": "debian@sha256:d",
            "io.mentator.variant": "cpu",
        },
        annotations={
            "org.opencontainers.image.title": "app",
            "org.opencontainers.image.version": "1.2.3",
            "org.opencontainers.image.revision": "c0ffee",
            "org.opencontainers.image.source": "git@host:app",
            "org.opencontainers.image.licenses": "MIT",
            "org.opencontainers.image.description": (
                "Local LLMs on CUDA, ROCm, Vulkan or CPU, found by itself"
            ),
            "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
        },
        metadata=BUILD / f"metadata-{os.getpid()}.json",
    )


def test_outside_git_there_is_no_revision_and_no_time() -> None:
    app = replace(APPLICATION, license="", revision=Revision())
    chosen = planned(request(pipeline=Revision(), application=app))
    assert "org.opencontainers.image.revision" not in chosen.labels
    assert "org.opencontainers.image.source" not in chosen.labels
    assert "org.opencontainers.image.licenses" not in chosen.labels
    assert "SOURCE_DATE_EPOCH" not in chosen.arguments
    assert "org.opencontainers.image.created" not in chosen.annotations


@pytest.mark.parametrize(("ours", "its"), [("5", "7"), ("7", "5"), ("7", ""), ("", "7")])
def test_times_in_the_image_are_the_later_commits(ours: str, its: str) -> None:
    app = replace(APPLICATION, revision=Revision("a", its))
    chosen = planned(request(pipeline=Revision("b", ours), application=app))
    assert chosen.arguments["SOURCE_DATE_EPOCH"] == "7"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (BuildxOptions(platform="linux/arm64"), ["--platform", "linux/arm64"]),
        (BuildxOptions(builder="far"), ["--builder", "far"]),
        (BuildxOptions(cache_from=("a", "b")), ["--cache-from", "a", "--cache-from", "b"]),
        (BuildxOptions(cache_to=("a", "b")), ["--cache-to", "a", "--cache-to", "b"]),
        (BuildxOptions(no_cache=True), ["--no-cache"]),
        (BuildxOptions(output="type=oci"), ["--output", "type=oci"]),
        (BuildxOptions(progress="plain"), ["--progress", "plain"]),
    ],
)
def test_every_option_of_buildx_reaches_the_command(
    options: BuildxOptions, words: list[str]
) -> None:
    argv = build_argv(planned(request(buildx=options)))
    joined, wanted = "\0".join(argv) + "\0", "\0".join(words) + "\0"
    assert wanted in joined
    assert wanted not in "\0".join(build_argv(planned(request()))) + "\0"
    assert (LOAD in argv) is not bool(options.output)


def test_the_same_request_gives_the_same_command() -> None:
    one = build_argv(planned(request(buildx=BuildxOptions(cache_from=("a",)))))
    assert one == build_argv(planned(request(buildx=BuildxOptions(cache_from=("a",)))))
    assert "--provenance=false" in one


def test_buildkits_lint_gets_every_context_and_argument() -> None:
    options = BuildxOptions(builder="far", no_cache=True, cache_to=("x",))
    full = replace(PLAN, buildx=options, labels={"a": "b"}, arguments={"VARIANT": "cpu"})
    assert check_argv(full) == [
        *["buildx", "build", "--check", "--builder", "far", "--file", "/r/Dockerfile"],
        *["--target", "cpu", *CONTEXTS, "--build-arg", "VARIANT=cpu", "/r"],
    ]


def test_the_stage_that_checks_leaves_no_image() -> None:
    argv = build_argv(check_stage(planned(request())))
    assert argv[argv.index("--target") + 1] == "application-check"
    assert argv[argv.index("--output") + 1] == "type=cacheonly"
    assert not {"--tag", "--label", "--annotation", LOAD} & set(argv)


def test_the_entrypoint_is_checked_with_the_services_compiler_whatever_the_application() -> None:
    checked = entrypoint_check(planned(request()))
    assert checked.target == "entrypoint-check"
    assert checked.contexts["app"] == str(REPOSITORY / "service")
    assert checked.contexts["entrypoint-tests"] == str(REPOSITORY / "tests/entrypoint")
    assert checked.contexts["node"] == BASES.contexts["node"]
    text = (REPOSITORY / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert "FROM application-modules AS entrypoint-check" in text
    assert "COPY --from=entrypoint-tests " in text


def test_the_library_for_ggmls_threads_is_checked_against_the_services_llama() -> None:
    checked = barrier_check(planned(request()))
    assert checked.target == "barrier-check"
    assert checked.contexts["app"] == str(REPOSITORY / "service")
    assert checked.contexts["barrier-tests"] == str(REPOSITORY / "tests/barrier")
    text = (REPOSITORY / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert "FROM tools AS barrier-check" in text
    assert "COPY --from=barrier-tests " in text


def test_the_dockerfile_has_the_stages_and_the_argument_of_a_plan() -> None:
    text = (REPOSITORY / "docker" / "Dockerfile").read_text(encoding="utf-8").lower()
    stages = set(re.findall(r"^from .* as ([\w-]+)$", text, re.MULTILINE))
    assert {"addon-check", "application-check", "engine-check", "image"} <= stages
    assert "cuda-sdk-check" in stages
    assert {"arg variant=", "arg cuda=", "arg cuda_archs=", "arg rocm_targets="} <= set(
        re.findall(r"^arg \w+=", text, re.MULTILINE)
    )


def test_a_variants_backends_reach_the_dockerfile() -> None:
    variant = find("universal")
    backends = compiled.choose(variant.backends, "auto", ("90", "120"), ("gfx1100",))
    chosen = planned(request(variant=variant, backends=backends))
    assert chosen.target == "image"
    assert chosen.arguments == {
        "VARIANT": "universal",
        "ADDON": "stock",
        "CUDA": "source",
        "CUDA_ARCHS": "90-real;120-real",
        "ROCM_TARGETS": "gfx1100",
        "SOURCE_DATE_EPOCH": "1700000000",
    }
