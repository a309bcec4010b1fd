from __future__ import annotations

import re
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import tasks
from scripts.project.checks import ALL_TESTS, FILE_LINTERS
from scripts.shared import commands
from scripts.shared.paths import REPOSITORY

#: `uses:` of an action by the hash of a commit, with its version for the reader and for Dependabot.
PINNED = re.compile(r"uses: (?P<action>[\w.-]+/[\w./-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


@cache
def text() -> str:
    return (REPOSITORY / ".github/workflows/ci.yaml").read_text(encoding="utf-8")


@cache
def workflow() -> dict[Any, Any]:
    read: dict[Any, Any] = yaml.safe_load(text())
    return read


def jobs() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = workflow()["jobs"]
    return found


def runs(job: str) -> list[str]:
    """The commands of a job, in order."""
    return [step["run"] for step in jobs()[job]["steps"] if "run" in step]


def test_ci_runs_the_test_command_and_may_install_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy2(REPOSITORY / ".ci" / "run", tmp_path / ".ci" / "run")
    launcher = tmp_path / "mentator"
    launcher.write_text('#!/bin/sh\necho "$PWD $# $* $MENTATOR_YES"\nexit 40\n')
    launcher.chmod(0o755)
    done = commands.capture([str(tmp_path / ".ci" / "run")], cwd=Path("/"))
    assert (done.code, done.out) == (40, f"{tmp_path.resolve()} 1 test 1")


def test_the_workflow_starts_on_main_on_pull_requests_and_on_tags_of_versions() -> None:
    # YAML 1.1 reads the key `on` as true.
    assert workflow()[True] == {
        "push": {"branches": ["main"], "tags": ["v*"]},
        "pull_request": None,
    }


def test_a_newer_push_ends_the_older_run_but_never_a_release() -> None:
    concurrency = workflow()["concurrency"]
    assert concurrency["group"] == "${{ github.workflow }}-${{ github.ref }}"
    assert concurrency["cancel-in-progress"] == "${{ !startsWith(github.ref, 'refs/tags/') }}"


def test_a_release_is_published_for_a_tag_that_passed_all_jobs() -> None:
    publish = jobs()["publish"]
    assert set(publish["needs"]) == {"fast", "test"} == set(jobs()) - {"publish"}
    assert publish["if"] == "github.event_name == 'push' && startsWith(github.ref, 'refs/tags/v')"
    # A job with a condition would be skipped, and `publish` with it.
    assert [name for name in publish["needs"] if "if" in jobs()[name]] == []


def test_the_fast_job_runs_the_projects_own_commands() -> None:
    assert runs("fast") == ["./mentator lint --files", ".venv/bin/nox -s unit"]


def test_the_long_job_runs_the_test_command() -> None:
    assert runs("test") == [
        ".ci/prepare-runner",
        "./mentator cache.import --source build/compiler-cache",
        ".ci/run",
        "./mentator cache.export --to build/compiler-cache",
    ]


def test_a_release_is_built_measured_and_tested_before_it_is_published() -> None:
    assert runs("publish") == [
        ".ci/prepare-runner",
        "./mentator cache.import --source build/compiler-cache",
        "./mentator build --yes",
        "./mentator cache.export --to build/compiler-cache",
        "./mentator size --check",
        ".venv/bin/nox -s smoke_cpu smoke_cuda smoke_rocm smoke_vulkan",
        "./mentator publish",
    ]


def test_every_task_that_the_workflow_calls_exists() -> None:
    called = set(re.findall(r"\./mentator ([\w.]+)", text()))
    assert called
    assert called <= {"".join(name) for name in tasks.namespace.task_names}


@pytest.mark.parametrize("name", ["fast", "test", "publish"])
def test_a_job_may_only_read_and_has_an_end(name: str) -> None:
    assert workflow()["permissions"] == {}
    assert jobs()[name]["permissions"] == {"contents": "read"}
    assert jobs()[name]["timeout-minutes"] <= 360


def test_every_action_is_pinned_by_commit_and_names_its_version() -> None:
    lines = [line.strip() for line in text().splitlines() if "uses:" in line]
    assert lines
    assert [line for line in lines if not PINNED.search(line)] == []
    by_action: dict[str, set[str]] = {}
    for line in lines:
        action, _, pin = line.partition("uses: ")[2].partition("@")
        by_action.setdefault("/".join(action.split("/")[:2]), set()).add(pin)
    assert {action: pins for action, pins in by_action.items() if len(pins) > 1} == {}


def test_no_checkout_keeps_the_token() -> None:
    checkouts = [
        step
        for job in jobs().values()
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/checkout@")
    ]
    assert len(checkouts) == len(jobs())
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_secrets_are_given_to_the_login_only() -> None:
    with_secrets = [
        (name, step["name"])
        for name, job in jobs().items()
        for step in job["steps"]
        if "secrets." in str(step)
    ]
    assert with_secrets == [("publish", "Log in to Docker Hub")]
    assert text().count("secrets.") == 1


def test_the_workflow_is_linted_without_a_network() -> None:
    by_program = {linter[0]: linter for linter in FILE_LINTERS}
    assert by_program.keys() >= {"actionlint", "zizmor"}
    assert "--offline" in by_program["zizmor"]


#: A test that writes down its name and its process.
LOGGED = """
import os
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_one(number: int) -> None:
    with open(os.environ["ORDER"], "a") as log:
        log.write(f"{folder} {{number}} {{os.getpid()}}\\n")
"""


def test_the_engines_tests_run_last_in_order_and_on_one_worker(tmp_path: Path) -> None:
    """The project's own arguments, settings and scheduler, on other tests."""
    for folder, count in (("unit", 40), ("image", 6), ("smoke", 3)):
        path = tmp_path / "tests" / folder / f"test_{folder}.py"
        path.parent.mkdir(parents=True)
        path.write_text(LOGGED.format(folder=folder, count=count))
    shutil.copy2(REPOSITORY / "tests" / "conftest.py", tmp_path / "tests")
    shutil.copy2(REPOSITORY / "pyproject.toml", tmp_path)
    order = tmp_path / "order"
    argv = [sys.executable, "-m", "pytest", "--quiet", *ALL_TESTS, "-n", "2"]
    env = {"ORDER": str(order), "PYTHONPATH": str(REPOSITORY)}
    commands.check(argv, env=env, cwd=tmp_path)
    rows = [line.split() for line in order.read_text().splitlines()]
    engine = [(folder, number) for folder, number, _ in rows if folder != "unit"]
    assert engine == [
        *(("image", str(number)) for number in range(6)),
        *(("smoke", str(number)) for number in range(3)),
    ]
    assert len({process for folder, _, process in rows if folder != "unit"}) == 1
    assert len({process for folder, _, process in rows if folder == "unit"}) == 2
    # The other worker may still have a test or two of its own.
    first = next(at for at, (folder, _, _) in enumerate(rows) if folder != "unit")
    assert first >= 40 - 4


def test_the_hooks_of_pre_commit_are_the_linters() -> None:
    path = REPOSITORY / ".pre-commit-config.yaml"
    (repo,) = yaml.safe_load(path.read_text(encoding="utf-8"))["repos"]
    assert repo["repo"] == "local"
    hooks = {hook["id"]: hook for hook in repo["hooks"]}
    assert list(hooks) == ["lint"]
    assert hooks["lint"]["entry"] == "./mentator lint --files"
    assert hooks["lint"]["language"] == "system"
    assert hooks["lint"]["pass_filenames"] is False
