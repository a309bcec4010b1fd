"""Build times: without a change, and after a one-line edit of the service."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from scripts import bases
from scripts.docker_engine import Engine
from scripts.image.build_request import resolve
from scripts.image.plan import BuildPlan, build_argv, plan
from scripts.model.contexts import latest
from scripts.shared import commands
from scripts.shared.errors import BuildFailed
from scripts.shared.paths import REPOSITORY
from scripts.shared.settings import Settings
from tests.bench.ratio import Ratio, seconds, time_in_turn

#: A simple Dockerfile as the peer: copies everything, installs all dependencies, model last.
SIMPLE = """\
FROM node
WORKDIR /opt/mentator-llm-service
COPY --from=app . .
RUN --mount=type=secret,id=ca,target=/run/ca.crt \\
    NODE_EXTRA_CA_CERTS=/run/ca.crt npm install --no-audit --no-fund && npm run buildjs
COPY --from=model . default-models/
"""


def no_change(docker: Engine, settings: Settings, runs: int = 5) -> Ratio:
    """`invoke build` when nothing has changed, against the buildx command that it runs."""
    with _metadata() as metadata:
        bare = docker.argv(*build_argv(replace(plan_of(settings, ""), metadata=metadata)))
        ours = [str(REPOSITORY / "mentator"), "build"]
        _run_silently(ours)
        _run_silently(bare)
        return Ratio(
            "no-change invoke build",
            "docker buildx build",
            *time_in_turn(lambda: _run_silently(ours), lambda: _run_silently(bare), runs),
            "s",
            1.15,
        )


def after_an_edit(docker: Engine, settings: Settings, runs: int = 3, simple_runs: int = 1) -> Ratio:
    """A rebuild after a one-line edit, against the same with the simple Dockerfile."""
    with tempfile.TemporaryDirectory() as name, _metadata() as metadata:
        app = Path(name) / "service"
        ignored = shutil.ignore_patterns("node_modules", "distjs")
        shutil.copytree(REPOSITORY / "service", app, ignore=ignored)
        simple_file = Path(name) / "simple.Dockerfile"
        simple_file.write_text(SIMPLE, encoding="utf-8")
        chosen = plan_of(settings, str(app))
        ours = replace(chosen, metadata=metadata, tags=("mentator-bench/ours",))
        simple = replace(
            ours, tags=("mentator-bench/simple",), dockerfile=simple_file, target="", arguments={}
        )
        try:
            figures = [
                _time_edits(docker, plan, app, count)
                for plan, count in ((ours, runs), (simple, simple_runs))
            ]
        finally:
            for tag in (*ours.tags, *simple.tags):
                commands.capture(docker.argv("image", "rm", tag))
    return Ratio("rebuild after an edit", "simple Dockerfile", figures[0], figures[1], "s", 0.2)


def _time_edits(docker: Engine, plan: BuildPlan, app: Path, count: int) -> list[float]:
    argv = docker.argv(*build_argv(plan))
    _run_silently(argv)
    figures = []
    for number in range(count):
        with (app / "src" / "index.ts").open("a", encoding="utf-8") as source:
            source.write(f"// edit {number}\n")
        figures.append(seconds(lambda: _run_silently(argv)))
    return figures


def plan_of(settings: Settings, app: str) -> BuildPlan:
    """The plan of `invoke build` for the application in the folder `app`."""
    request = resolve(replace(settings, app=app))
    made = bases.provide(request.bases, request.cache, yes=request.engine.yes)
    return plan(request, made, latest(request.contexts))


@contextmanager
def _metadata() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "metadata.json"


def _run_silently(argv: list[str]) -> None:
    result = commands.capture(argv)
    if result.code != 0:
        raise BuildFailed("A build of the benchmark failed.", why=result.err[-2000:])
