"""The linters and tests as plain steps, shared by `invoke test`, nox's sessions and CI."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts import bases
from scripts import docker_engine as engine
from scripts.image import build as build_step
from scripts.image.build_request import BuildRequest
from scripts.image.plan import build_argv, check_argv, check_stage, plan
from scripts.shared import commands, python_environment
from scripts.shared.console import say
from scripts.shared.errors import ChecksFailed
from scripts.shared.paths import REPOSITORY

#: POSIX shell scripts, for shellcheck.
SHELL = (
    "mentator",
    ".ci/run",
    "deploy/run-in-chroot.sh",
    *sorted(str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("docker/**/*.sh")),
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
)


#: What ROCm is compiled for where tests are all that the image is for: kernels for every card
#: take hours, and are made in the same way.
TEST_TARGETS = ("gfx1100",)


def everything(request: BuildRequest, environment: Mapping[str, str]) -> None:
    """Lint, build, then all tests in one run of pytest, which takes this process's place.

    `environment` makes the tests use the same settings as this build.
    """
    lint(request)
    build_step.build(request)
    argv = [sys.executable, "-m", "pytest", "tests/unit", "tests/image", "tests/smoke"]
    say("$ pytest tests/unit tests/image tests/smoke")
    os.chdir(REPOSITORY)
    os.environ.update(environment)
    commands.replace(argv)  # pytest's summary is to be the last that is printed


def lint(request: BuildRequest) -> None:
    """Every linter: of Python, shell, YAML, the Dockerfile and the service's TypeScript."""
    python_environment.ensure("dev")
    lint_files()
    lint_image(request)


def lint_files() -> None:
    """The linters that read files only. Raises `ChecksFailed` with all that found something."""
    failed = [step[0] for step in FILE_LINTERS if _step(step) != 0]
    if failed:
        raise ChecksFailed(f"Linters found faults: {', '.join(failed)}.")


def lint_image(request: BuildRequest) -> None:
    """BuildKit's own checks, and the service's: tsc, eslint and unit tests, in a build stage.

    They run in the image's own Node, and are cached as long as the service does not change.
    """
    docker = engine.ensure(request.engine)
    request.model_context.mkdir(parents=True, exist_ok=True)
    chosen = plan(request, bases.provide(request.bases, request.cache, yes=request.engine.yes))
    if commands.run(docker.argv(*check_argv(chosen))) != 0:
        raise ChecksFailed("BuildKit's checks found faults in docker/Dockerfile.")
    if commands.run(docker.argv(*build_argv(check_stage(chosen)))) != 0:
        raise ChecksFailed("The service's type check, linter or unit tests failed.")


def pytest(arguments: Sequence[str]) -> None:
    """Run pytest on some of the tests. Raises `ChecksFailed` where it does not pass."""
    if commands.run([sys.executable, "-m", "pytest", *arguments], cwd=REPOSITORY) != 0:
        raise ChecksFailed("Tests failed.")


def _step(argv: Sequence[str]) -> int:
    program = str(Path(sys.executable).parent / argv[0])
    return commands.run([program, *argv[1:]], cwd=REPOSITORY)
