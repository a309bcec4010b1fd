"""The workflow as GitHub runs it: `act` runs its jobs, with stubs for all that they call."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.backends import table as backends
from scripts.shared import commands
from scripts.shared.paths import REPOSITORY

WORKFLOW = REPOSITORY / ".github" / "workflows" / "ci.yaml"

#: Programs of the project that steps call: each writes down the job and its arguments, and fails
#: where FAIL names them.
PROGRAMS = ("mentator", ".ci/run", ".ci/prepare-runner", ".venv/bin/nox")
PROGRAM = """#!/bin/sh
line="$GITHUB_JOB: ${0##*/}${*:+ $*}"
echo "$line" >>"$CALLS"
[ "$line" != "$FAIL" ]
"""

#: In the place of every action. A restored cache has the key that CACHE names.
ACTION = """
name: stub
description: writes down that it was called
inputs:
  key: {description: of a cache, default: ""}
outputs:
  cache-matched-key: {description: of a cache, value: "${{ steps.stub.outputs.key }}"}
  cache-hit: {description: whether, value: "${{ steps.stub.outputs.hit }}"}
  cache-primary-key: {description: of a cache, value: "${{ inputs.key }}"}
runs:
  using: composite
  steps:
    - id: stub
      shell: sh
      run: |
        echo "$GITHUB_JOB: NAME" >>"$CALLS"
        echo "key=$CACHE" >>"$GITHUB_OUTPUT"
        echo "hit=$HIT" >>"$GITHUB_OUTPUT"
"""

TAG = "refs/tags/v1.2.3"
MAIN = "refs/heads/main"
PULL = "refs/pull/7/merge"

SMOKES = re.findall(r"nox -s smoke_.*", WORKFLOW.read_text(encoding="utf-8"))[0]

BUILT = ["mentator build --yes", "mentator size --check", SMOKES]


@dataclass(frozen=True)
class Run:
    """What a run did: the jobs with their results, and the calls in order, by job."""

    jobs: Mapping[str, str]
    calls: Mapping[str, list[str]]


def starts(event: str, ref: str) -> bool:
    """Whether GitHub starts the workflow, which act does not look at.

    A filter for branches alone leaves out every tag, and the other way round ("Workflow syntax",
    docs.github.com). A trigger without filters starts always.
    """
    on: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))[True]
    if event not in on:
        return False
    filters = on[event]
    if not filters:
        return True
    kind, name = re.fullmatch(r"refs/(heads|tags)/(.*)", ref).groups()  # type: ignore[union-attr]
    patterns = filters.get({"heads": "branches", "tags": "tags"}[kind], [])
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def act(folder: Path, *words: str, **variables: str) -> commands.Result:
    """Run act in `folder`, without an engine and without the network."""
    environ = {
        "HOME": str(folder / "home"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "DOCKER_HOST": f"unix://{folder}/no.sock",
    }
    argv = [str(Path(sys.executable).parent / "act"), *words, "--no-cache-server", "--json"]
    for name, value in {**variables, "CALLS": str(folder / "calls")}.items():
        argv += ["--env", f"{name}={value}"]
    return commands.capture(argv, env=environ, cwd=folder / "checkout")


def make_checkout(folder: Path) -> list[str]:
    """A checkout with the real workflow and stubs; returns act's arguments for the actions."""
    checkout = folder / "checkout"
    shutil.copytree(WORKFLOW.parent, checkout / ".github" / "workflows")
    for name in PROGRAMS:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(PROGRAM)
        (checkout / name).chmod(0o755)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for argv in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "all"]):
        commands.check([*git, *argv], cwd=checkout)
    (folder / "home").mkdir()
    words = []
    for action, pin in set(re.findall(r"uses: (\S+)@(\S+)", WORKFLOW.read_text(encoding="utf-8"))):
        owner, name, *inside = action.split("/")
        stub = folder / "actions" / owner / name
        stub.joinpath(*inside).mkdir(parents=True, exist_ok=True)
        (stub.joinpath(*inside) / "action.yml").write_text(ACTION.replace("NAME", action))
        words += ["--local-repository", f"{owner}/{name}@{pin}={stub}"]
    return words


def require_stubs() -> None:
    """Raise where a step runs anything but a stub: act would run it on this machine."""
    jobs: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    lines = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    others = [
        line
        for line in lines
        if line.split()[0].removeprefix("./") not in PROGRAMS or re.search(r"[\n;&|<>$`]", line)
    ]
    assert others == []


def run(folder: Path, event: str, ref: str, **variables: str) -> Run:
    """Run the workflow for an event, each job on this machine in a copy of the checkout."""
    require_stubs()
    words = make_checkout(folder)
    payload = folder / "event.json"
    payload.write_text(json.dumps({"ref": ref}))
    variables = {"FAIL": "", "CACHE": "", "HIT": "", **variables}
    # On this machine even act's dry run would run the steps: there are stubs only, so let it.
    on_host = ["--platform", "ubuntu-24.04=-self-hosted"]
    done = act(folder, event, "--eventpath", str(payload), *on_host, *words, **variables)
    lines = [json.loads(line) for line in done.out.splitlines() if line.startswith("{")]
    jobs = {line["jobID"]: line["jobResult"] for line in lines if "jobResult" in line}
    assert jobs, done.out + done.err
    calls: dict[str, list[str]] = {}
    for line in (folder / "calls").read_text().splitlines():
        job, _, call = line.partition(": ")
        calls.setdefault(job, []).append(call)
    return Run(jobs, calls)


def programs(found: Run, job: str) -> list[str]:
    """The calls of the project's own programs in a job."""
    return [call for call in found.calls.get(job, []) if "/" not in call.split(" ")[0]]


@pytest.mark.parametrize(
    ("event", "ref", "started"),
    [
        ("push", MAIN, True),
        ("push", TAG, True),
        ("push", "refs/tags/v1.2.3-next.1", True),
        ("pull_request", PULL, True),
        ("push", "refs/heads/feature", False),
        ("push", "refs/heads/v1", False),
        ("push", "refs/tags/nightly", False),
        ("pull_request_target", PULL, False),
        ("release", TAG, False),
    ],
)
def test_the_workflow_starts_for_main_pull_requests_and_versions(
    event: str, ref: str, started: bool
) -> None:
    assert starts(event, ref) is started


def test_a_release_is_smoke_tested_with_every_backend_of_the_table() -> None:
    assert set(SMOKES.split()[2:]) == {f"smoke_{name}" for name in backends.read().names}


def test_act_lists_the_jobs_in_their_order(tmp_path: Path) -> None:
    make_checkout(tmp_path)
    listed = act(tmp_path, "--list")
    assert listed.code == 0, listed.err
    rows = [line.split()[:2] for line in listed.out.splitlines() if line[:1].isdigit()]
    assert sorted(rows) == [["0", "fast"], ["0", "test"], ["1", "publish"]]


@pytest.mark.parametrize(("event", "ref"), [("push", MAIN), ("pull_request", PULL)])
def test_main_and_pull_requests_are_tested_and_not_published(
    tmp_path: Path, event: str, ref: str
) -> None:
    found = run(tmp_path, event, ref)
    assert (found.jobs["fast"], found.jobs["test"]) == ("success", "success")
    assert "publish" not in found.calls
    assert programs(found, "fast") == ["mentator lint --files", "nox -s unit"]
    exported = "mentator cache.export --to build/compiler-cache"
    assert programs(found, "test") == ["prepare-runner", "run", exported]


def test_a_tag_of_a_version_is_published_after_all_jobs(tmp_path: Path) -> None:
    found = run(tmp_path, "push", TAG)
    assert found.jobs == {"fast": "success", "test": "success", "publish": "success"}
    calls = found.calls["publish"]
    assert [call for call in programs(found, "publish") if call in BUILT] == BUILT
    assert calls[-2:] == ["docker/login-action", "mentator publish"]
    order = [line.partition(": ")[0] for line in (tmp_path / "calls").read_text().splitlines()]
    first = order.index("publish")
    assert {"fast", "test"}.isdisjoint(order[first:])


@pytest.mark.parametrize(
    "fault",
    [
        "fast: nox -s unit",
        "test: run",
        f"publish: {SMOKES}",
    ],
)
def test_nothing_is_published_after_a_fault(tmp_path: Path, fault: str) -> None:
    found = run(tmp_path, "push", TAG, FAIL=fault)
    assert found.jobs[fault.partition(":")[0]] == "failure"
    assert "mentator publish" not in programs(found, "publish")
    assert "docker/login-action" not in found.calls.get("publish", [])


@pytest.mark.parametrize(
    ("hit", "expected"),
    [("true", ["cache.import"]), ("false", ["cache.import", "cache.export"])],
    ids=["the same key", "an older key"],
)
def test_a_restored_cache_is_imported_and_a_changed_one_saved(
    tmp_path: Path, hit: str, expected: list[str]
) -> None:
    found = run(tmp_path, "push", MAIN, CACHE="compilers-1", HIT=hit)
    called = [call.split()[1] for call in programs(found, "test") if " cache." in call]
    assert called == expected
    assert ("actions/cache/save" in found.calls["test"]) is (hit == "false")


def test_what_a_runner_does_not_need_is_removed_and_digests_are_kept(tmp_path: Path) -> None:
    """The script on a folder that stands for `/`, with stubs for what acts on a whole machine."""
    root, bin_ = tmp_path / "root", tmp_path / "bin"
    for name in ("usr/share/dotnet", "usr/local/lib/android", "opt/hostedtoolcache/Python", "home"):
        (root / name).mkdir(parents=True)
        (root / name / "file").write_text("x")
    daemon = root / "etc" / "docker" / "daemon.json"
    daemon.parent.mkdir(parents=True)
    daemon.write_text('{"mtu": 1400, "features": {"buildkit": true}}')
    bin_.mkdir()
    for name, body in {
        "sudo": 'exec "$@"',
        "systemctl": f'echo "$*" >>{tmp_path}/called',
        "docker": "echo store",
    }.items():
        (bin_ / name).write_text(f"#!/bin/sh\n{body}\n")
        (bin_ / name).chmod(0o755)
    env = {"PATH": f"{bin_}:{os.environ['PATH']}", "RUNNER_ROOT": str(root)}
    script = [str(REPOSITORY / ".ci" / "prepare-runner")]

    done = commands.capture(script, env={**env, "RUNNER_ENVIRONMENT": "self-hosted"})
    assert done.code == 0
    assert (root / "usr/share/dotnet").exists(), "a machine of a person was changed"
    assert not (tmp_path / "called").exists()

    done = commands.capture(script, env={**env, "RUNNER_ENVIRONMENT": "github-hosted"})
    assert done.code == 0, done.err
    assert done.out.count("free on the disk: ") == 2
    assert not (root / "usr/share/dotnet").exists()
    assert not (root / "usr/local/lib/android").exists()
    assert (root / "opt/hostedtoolcache/Python/file").exists()
    features = {"buildkit": True, "containerd-snapshotter": True}
    assert json.loads(daemon.read_text()) == {"mtu": 1400, "features": features}
    assert (tmp_path / "called").read_text() == "restart docker\n"
