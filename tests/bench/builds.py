"""Builds: without a change, and after a one-line edit of the service."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from scripts.application import package as application
from scripts.docker_engine import Engine
from scripts.image import build
from scripts.image.plan import BuildPlan, build_argv
from scripts.shared import commands
from scripts.shared.errors import BuildFailed
from scripts.shared.paths import REPOSITORY
from scripts.shared.settings import Settings
from tests.bench.ratio import Ratio, paired, seconds

#: The order that a first attempt has: everything copied, all dependencies installed, model last.
NAIVE = """\
FROM node
WORKDIR /opt/mentator-llm-service
COPY --from=app . .
RUN --mount=type=secret,id=ca,target=/run/ca.crt \\
    NODE_EXTRA_CA_CERTS=/run/ca.crt npm install --no-audit --no-fund && npm run buildjs
COPY --from=model . default-models/
"""


def no_change(docker: Engine, settings: Settings, runs: int = 5) -> Ratio:
    """`invoke build` with nothing to do, against the bare command that it runs."""
    with _metadata() as metadata:
        bare = docker.argv(*build_argv(replace(plan_of(settings, ""), metadata=metadata)))
        ours = [str(REPOSITORY / "mentator"), "build"]
        _silent(ours)
        _silent(bare)
        return Ratio(
            "no-change invoke build",
            "docker buildx build",
            *paired(lambda: _silent(ours), lambda: _silent(bare), runs),
            "s",
            1.15,
        )


def after_an_edit(docker: Engine, settings: Settings, runs: int = 3, naive_runs: int = 1) -> Ratio:
    """A rebuild after a one-line edit, against the same with the naive order."""
    with tempfile.TemporaryDirectory() as name, _metadata() as metadata:
        app = Path(name) / "service"
        ignored = shutil.ignore_patterns("node_modules", "distjs")
        shutil.copytree(REPOSITORY / "service", app, ignore=ignored)
        naive_file = Path(name) / "naive.Dockerfile"
        naive_file.write_text(NAIVE, encoding="utf-8")
        chosen = plan_of(settings, str(app))
        ours = replace(chosen, metadata=metadata, tags=("mentator-bench/ours",))
        naive = replace(
            ours, tags=("mentator-bench/naive",), dockerfile=naive_file, target="", arguments={}
        )
        try:
            figures = [
                _edits(docker, plan, app, count)
                for plan, count in ((ours, runs), (naive, naive_runs))
            ]
        finally:
            for tag in (*ours.tags, *naive.tags):
                commands.capture(docker.argv("image", "rm", tag))
    return Ratio("rebuild after an edit", "naive order", figures[0], figures[1], "s", 0.2)


def _edits(docker: Engine, plan: BuildPlan, app: Path, count: int) -> list[float]:
    argv = docker.argv(*build_argv(plan))
    _silent(argv)
    figures = []
    for number in range(count):
        with (app / "src" / "index.ts").open("a", encoding="utf-8") as source:
            source.write(f"// edit {number}\n")
        figures.append(seconds(lambda: _silent(argv)))
    return figures


def plan_of(settings: Settings, app: str) -> BuildPlan:
    """What `invoke build` would build, of the application in the folder `app`."""
    return build.plan_of(settings, application.read(app), build.provide_bases(settings))


@contextmanager
def _metadata() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "metadata.json"


def _silent(argv: list[str]) -> None:
    result = commands.capture(argv)
    if result.code != 0:
        raise BuildFailed("A build of the benchmark failed.", why=result.err[-2000:])
