"""One build through the real functions, with a docker client that only writes down its calls."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scripts import bases
from scripts.application.revision import Revision
from scripts.backends import compiled, variants
from scripts.docker_engine import client
from scripts.image import build, build_request, record
from scripts.image.build_request import BuildRequest
from scripts.model import catalog
from scripts.shared import commands
from scripts.shared.console import wait_until
from scripts.shared.paths import REPOSITORY
from scripts.shared.settings import Settings
from tests.containers import free_port
from tests.unit.gguf_files import write_model

DIGEST = "sha256:" + "1" * 64

#: A docker client whose builds end when the file `go` is there, and give an image whose digest is
#: the sum of the model that lies in their context then, as BuildKit reads it late.
LATE_DOCKER = """#!/bin/sh
case "$*" in
    *version*--format*) echo '{"Client": {"Version": "28.2.2"}, "Server": {"Version": "28.5.2"}}' ;;
    'buildx version') echo github.com/docker/buildx v0.29.1 0 ;;
    *buildx\\ build*)
        while [ "$1" != --metadata-file ]; do
            case "$1" in model=*) context=${1#model=} ;; esac
            shift
        done
        echo built >>{log}
        until [ -e {go} ]; do sleep 0.05; done
        sum=$(sha256sum "$context"/*.gguf)
        echo "{\\"containerimage.digest\\": \\"sha256:${sum%% *}\\"}" >"$2" ;;
esac
"""

#: A build of the model that its second argument names, in a checkout whose `build/` is the first.
BUILD = """
import sys
from pathlib import Path
from scripts.image import build, build_request, plan, record, size
from scripts.docker_engine import client
from scripts.shared.settings import Settings
root = Path(sys.argv[1])
client.MEMO = root / "buildx.json"
record.IMAGE = root / "image.json"
plan.BUILD = root
build_request.CONTEXTS = root / "context"
build._sizes = lambda *_: {}
settings = Settings(
    variant="cpu", bases="registry", model=sys.argv[2], engine_dir=str(root / "engine"),
    cache_dir=str(root / "cache"),
)
from scripts import bases
bases.registry_fault = lambda *_: ""
made = build.build(build_request.resolve(settings))
print(made["digest"], made["model"]["sha256"])
"""

#: A docker client with an engine that answers; a build writes its metadata file, as buildx does.
DOCKER = """#!/bin/sh
echo "docker $*" >>"{log}"
case "$*" in
    *version*--format*) echo '{"Client": {"Version": "28.2.2"}, "Server": {"Version": "28.5.2"}}' ;;
    'buildx version') echo github.com/docker/buildx v0.29.1 0 ;;
    *buildx\\ build*)
        while [ "$1" != --metadata-file ]; do shift; done
        echo '{"containerimage.digest": "{digest}"}' >"$2" ;;
esac
"""

GIT = """#!/bin/sh
echo "git $*" >>"{log}"
exec {git} "$@"
"""

SIZE: dict[str, Any] = {"unpacked_bytes": 0, "compressed_bytes": 0, "layers": []}


class Machine:
    """Settings of a build on a machine whose programs write their calls down."""

    def __init__(self, root: Path) -> None:
        self.log = root / "log"
        self.settings = Settings(
            variant="cpu",
            bases="registry",
            model=str(write_model(root / "tiny.gguf")),
            engine_dir=str(root / "engine"),
            cache_dir=str(root / "cache"),
        )

    def calls(self, program: str) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith(program)]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    git = shutil.which("git")
    assert git
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("docker", DOCKER), ("git", GIT)):
        path = programs / name
        text = text.replace("{log}", str(tmp_path / "log")).replace("{digest}", DIGEST)
        path.write_text(text.replace("{git}", git))
        path.chmod(0o755)
    configuration = tmp_path / "docker"
    (configuration / "cli-plugins").mkdir(parents=True)
    (configuration / "cli-plugins" / "docker-buildx").touch()
    monkeypatch.setenv("DOCKER_CONFIG", str(configuration))
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(client, "MEMO", tmp_path / "build" / "buildx.json")
    monkeypatch.setattr("scripts.bases.registry_fault", lambda *_: "")
    monkeypatch.setattr(record, "IMAGE", tmp_path / "build" / "image.json")
    monkeypatch.setattr(build_request, "CONTEXTS", tmp_path / "build" / "context")
    return Machine(tmp_path)


def resolve(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> tuple[BuildRequest, Counter[str]]:
    """The request, and how often each decision was made on the way."""
    counted: Counter[str] = Counter()

    def count(module: Any, name: str) -> None:
        real = getattr(module, name)

        def wrapper(*arguments: Any, **named: Any) -> Any:
            counted[name] += 1
            return real(*arguments, **named)

        monkeypatch.setattr(module, name, wrapper)

    count(compiled, "choose")
    count(variants, "find")
    count(bases, "choose_source")
    return build_request.resolve(machine.settings), counted


def test_a_build_makes_each_decision_once(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved, counted = resolve(machine, monkeypatch)
    made = build.build(resolved)
    assert made["digest"] == DIGEST
    assert counted["choose"] == counted["find"] == 1
    assert counted["choose_source"] == 1
    questions = machine.calls("git")
    assert questions
    assert len(questions) == len(set(questions))
    head = commands.check(["git", "rev-parse", "HEAD"], cwd=REPOSITORY)
    assert made["revision"].removesuffix("-dirty") == head


def test_a_build_and_a_dry_run_say_why_a_commit_is_not_known(
    machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(REPOSITORY / "service", tmp_path / "app", ignore=lambda *_: ["node_modules"])
    resolved = build_request.resolve(replace(machine.settings, app=str(tmp_path / "app")))
    for verb in (build.show, build.build):
        verb(resolved)
        said = capsys.readouterr().err
        assert f"name no commit: {tmp_path / 'app'} is not in a git repository" in said
        assert "the time of its build" not in said, "the pipeline's commit has one"


def test_a_build_without_any_commit_says_that_it_differs_each_time(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    resolved = build_request.resolve(machine.settings)
    unknown = Revision(unknown="git is not installed")
    application = replace(resolved.application, revision=unknown)
    build.build(replace(resolved, application=application, pipeline=unknown))
    said = capsys.readouterr().err
    assert "name no commit: git is not installed" in said
    assert "the time of its build, so each one differs: git is not installed" in said


def test_a_build_without_a_change_starts_three_docker_clients(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    record.write(record.IMAGE, {"digest": DIGEST, "size": SIZE})
    build_request.resolve(machine.settings)  # the first one of all asks for buildx's version, too
    assert "docker buildx version" in machine.calls("docker")
    machine.log.unlink()
    resolved, _ = resolve(machine, monkeypatch)
    build.build(resolved)
    calls = machine.calls("docker")
    assert len([call for call in calls if "buildx build" in call]) == 1
    assert sorted(call for call in calls if "buildx build" not in call) == [
        "docker context show",
        "docker version --format {{json .}}",
    ]
    assert json.loads(record.IMAGE.read_text())["size"] == SIZE


def test_the_commands_of_a_dry_run_are_those_of_the_build(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record.write(record.IMAGE, {"digest": DIGEST, "size": SIZE})
    resolved, _ = resolve(machine, monkeypatch)
    build.show(resolved)
    assert not machine.calls("docker")[0].startswith("docker buildx build")
    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith("$ ")]
    build.build(resolved)
    run = [line for line in capsys.readouterr().out.splitlines() if line.startswith("$ ")]
    assert shown == run
    assert any(" --platform linux/amd64 " in line for line in shown)


@pytest.mark.parametrize(
    ("model", "end"),
    [("", f"takes {catalog.SMALL.name} instead."), ("URL/m.gguf", "stops here.")],
)
def test_a_dry_run_says_where_a_model_cannot_be_fetched(
    machine: Machine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    model: str,
    end: str,
) -> None:
    silent = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("HF_ENDPOINT", silent)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HOME", str(tmp_path))
    wanted = replace(machine.settings, model=model.replace("URL", silent))
    build.show(build_request.resolve(wanted, dry=True))
    out = capsys.readouterr().out
    assert f"# {silent}/" in out
    assert f"not in reach. A build that cannot fetch it {end}" in out


def reached(machine: Machine, count: int) -> bool:
    return len(machine.calls("built")) == count


def test_two_builds_at_once_hold_the_model_that_each_records(
    machine: Machine, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    text = LATE_DOCKER.replace("{log}", str(machine.log)).replace("{go}", str(go))
    (tmp_path / "bin" / "docker").write_text(text)
    models = [write_model(tmp_path / f"{seed}.gguf", seed=seed) for seed in (1, 2)]
    builds = []
    for count, model in enumerate(models, 1):
        argv = [sys.executable, "-c", BUILD, str(tmp_path / "build"), str(model)]
        builds.append(subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True))
        assert wait_until("", partial(reached, machine, count), timeout=60)
    go.touch()
    for process, model in zip(builds, models, strict=True):
        out, _ = process.communicate(timeout=60)
        sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
        assert out.splitlines()[-1] == f"sha256:{sha256} {sha256}"
    last = json.loads((tmp_path / "build" / "image.json").read_text())
    assert last["digest"] == f"sha256:{last['model']['sha256']}"
    assert list((tmp_path / "build").glob("metadata*")) == []


def test_metadata_of_a_killed_build_is_removed_and_that_of_a_running_one_stays(
    tmp_path: Path,
) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    names = [f"metadata-{ended.pid}.json", f"metadata-{os.getpid()}.json", "metadata-x.json"]
    for name in names:
        (tmp_path / name).touch()
    build.remove_old_metadata(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])
