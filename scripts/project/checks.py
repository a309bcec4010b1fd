"""The linters and tests as plain steps, shared by `invoke test`, nox's sessions and CI."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from scripts import bases
from scripts import docker_engine as engine
from scripts.image import build as build_step
from scripts.image.build_request import BuildRequest
from scripts.image.plan import BuildPlan, build_argv, check_argv, check_stage, environment, plan
from scripts.shared import commands
from scripts.shared import python_environment as python
from scripts.shared.console import say
from scripts.shared.errors import ChecksFailed
from scripts.shared.paths import REPOSITORY

#: POSIX shell scripts, for shellcheck.
SHELL = (
    "mentator",
    ".ci/prepare-runner",
    ".ci/run",
    "deploy/run-in-chroot.sh",
    *sorted(
        str(path.relative_to(REPOSITORY))
        for folder in ("docker", "tests")
        for path in (REPOSITORY / folder).rglob("*.sh")
    ),
)

DOCKERFILES = (
    "docker/Dockerfile",
    *sorted(
        str(path.relative_to(REPOSITORY))
        for folder in ("docker", "tests")
        for path in (REPOSITORY / folder).rglob("*.Dockerfile")
    ),
)

#: Linters that need nothing but files: a program of this environment and its arguments.
FILE_LINTERS: tuple[tuple[str, ...], ...] = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("shellcheck", "--external-sources", *SHELL),
    ("hadolint", "--config", "docker/hadolint.yaml", *DOCKERFILES),
    ("yamllint", "--strict", "."),
    ("actionlint",),
    ("zizmor", "--offline", "--quiet", "--persona", "pedantic", ".github"),
)

#: The unit tests on every core, then those that need an engine one after the other, with one
#: summary: tests/scheduling.py. A worker that crashes ends the run: by default xdist would start it
#: again with the test that made it crash.
ALL_TESTS = (
    *("tests/unit", "tests/image", "tests/smoke"),
    *("-n", "auto", "--max-worker-restart", "0"),
)

#: What ROCm is compiled for where tests are all that the image is for: kernels for every card
#: take hours, and are made in the same way.
TEST_TARGETS = ("gfx1100",)


def everything(request: BuildRequest, environment: Mapping[str, str]) -> None:
    """Lint, build, then all tests in one run of pytest, which takes this process's place.

    `environment` makes the tests use the same settings as this build.
    """
    python.ensure("dev")
    lint(request)
    build_step.build(request)
    argv = [sys.executable, "-m", "pytest", *ALL_TESTS]
    say(f"$ {shlex.join(['pytest', *ALL_TESTS])}")
    os.chdir(REPOSITORY)
    os.environ.update(environment)
    commands.replace(argv)  # pytest's summary is to be the last that is printed


def lint(request: BuildRequest) -> None:
    """Every linter: of Python, shell, YAML, workflows, the Dockerfile and the service's code."""
    lint_files()
    lint_image(request)


def lint_files() -> None:
    """The linters that read files only. Raises `ChecksFailed` with all that found something."""
    python.ensure("dev")
    failed = [step[0] for step in FILE_LINTERS if _step(step) != 0]
    if failed:
        raise ChecksFailed(f"Linters found faults: {', '.join(failed)}.")


def lint_image(request: BuildRequest) -> None:
    """BuildKit's own checks; tsc, eslint, unit tests and clang-tidy in build stages.

    The stages run in the image's own Node, and are cached as long as what they check does not
    change.
    """
    docker = engine.ensure(request.engine)
    made = bases.provide(
        request.bases, request.cache, yes=request.engine.yes, ca_bundle=request.ca_bundle
    )
    # No check reads the model; buildx wants a folder that exists.
    chosen = plan(request, made, REPOSITORY / "docker")
    if commands.run(docker.argv(*check_argv(chosen)), env=environment(request)) != 0:
        raise ChecksFailed("BuildKit's checks found faults in docker/Dockerfile.")
    checks = [
        (check_stage(chosen), "The service's type check, linter or unit tests failed."),
        (entrypoint_check(chosen), "The entrypoint's type check, linter or unit tests failed."),
        (barrier_check(chosen), "clang-tidy or a test found faults in docker/barrier."),
    ]
    if request.application.addon == "corrected":
        fault = "clang-tidy found faults in the C++ of patches/addon."
        checks.append((check_stage(chosen, "addon-check"), fault))
    if "cuda-sdk" not in chosen.contexts:  # else the vendor's SDK is taken, not our stand-in
        fault = "A program of the CUDA SDK's stand-in is not linked with the driver's library."
        checks.append((check_stage(chosen, "cuda-sdk-check"), fault))
    for stage, fault in checks:
        if commands.run(docker.argv(*build_argv(stage)), env=environment(request)) != 0:
            raise ChecksFailed(fault)


def entrypoint_check(plan: BuildPlan) -> BuildPlan:
    """The plan that checks the JavaScript in docker/, with the compiler and rules of our service.

    Whatever application the image is for: another one has other tools, or none.
    """
    contexts = {
        **plan.contexts,
        "app": str(REPOSITORY / "service"),
        "entrypoint-tests": str(REPOSITORY / "tests" / "entrypoint"),
    }
    return replace(check_stage(plan, "entrypoint-check"), contexts=contexts)


def barrier_check(plan: BuildPlan) -> BuildPlan:
    """The plan that lints and tests the library for ggml's threads, with our service's ggml."""
    contexts = {
        **plan.contexts,
        "app": str(REPOSITORY / "service"),
        "barrier-tests": str(REPOSITORY / "tests" / "barrier"),
    }
    return replace(check_stage(plan, "barrier-check"), contexts=contexts)


def _step(argv: Sequence[str]) -> int:
    programs = Path(sys.executable).parent
    # actionlint starts the shellcheck that it finds.
    path = f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return commands.run([str(programs / argv[0]), *argv[1:]], env={"PATH": path}, cwd=REPOSITORY)
