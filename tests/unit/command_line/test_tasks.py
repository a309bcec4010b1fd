from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from invoke.program import Program

import tasks
from scripts.backends import table as backends
from scripts.image import build as build_step
from scripts.image import build_request
from scripts.shared import commands
from scripts.shared.paths import REPOSITORY
from scripts.shared.settings import Settings

NAMES = {
    "ask", "build", "config", "deploy", "doctor", "down", "export", "lint", "logs", "publish",
    "size", "test", "up", "verify",
    "cache.export", "cache.import",
    "engine.start", "engine.stop", "engine.status", "models.list", "models.pull", "models.remove",
    "pins.update", "pins.lock", "pins.bake", "vulnerabilities",
}  # fmt: skip


DEMANDS = ", ".join(backends.read().demands)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MENTATOR_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that `build --dry` was about."""
    seen: list[Settings] = []

    def resolve(settings: Settings, *, dry: bool) -> None:
        assert dry
        seen.append(settings)

    monkeypatch.setattr(build_request, "resolve", resolve)
    monkeypatch.setattr(build_step, "show", lambda _: None)
    return seen


def invoke(*words: str) -> None:
    Program(namespace=tasks.namespace).run(["invoke", *words], exit=False)


def test_every_task_is_listed() -> None:
    found = {"".join(name) for name in tasks.namespace.task_names}
    assert found == NAMES
    for name in NAMES:
        assert tasks.namespace[name].__doc__, name


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--variant", "cpu"], "variant", "cpu"),
        (["--model", "/m.gguf"], "model", "/m.gguf"),
        (["--node", "22"], "node", "22"),
        (["--bases", "packages"], "bases", "packages"),
        (["--app", "/app"], "app", "/app"),
        (["--platform", "linux/arm64"], "platform", "linux/arm64"),
        (["--builder", "far"], "builder", "far"),
        (["--cache-from", "a", "--cache-from", "b,c=d"], "cache_from", ("a", "b,c=d")),
        (["--cache-to", "a", "--cache-to", "b"], "cache_to", ("a", "b")),
        (["--no-cache"], "no_cache", True),
        (["--output", "type=oci"], "output", "type=oci"),
        (["--progress", "plain"], "progress", "plain"),
        (["--yes"], "yes", True),
    ],
)
def test_each_flag_of_build_reaches_the_settings(
    shown: list[Settings], words: list[str], name: str, value: Any
) -> None:
    invoke("build", "--dry", *words)
    (found,) = shown
    assert getattr(found, name) == value


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--variant", "rocm", "--cuda", "source"], "--cuda is about NVIDIA CUDA"),
        (["--variant", "rocm", "--cuda-archs", "90"], "--cuda-archs is about NVIDIA CUDA"),
        (["--variant", "cpu", "--rocm-targets", "gfx90a"], "--rocm-targets is about AMD ROCm"),
        (["--no-cache", "--cache-from", "a"], "--cache-from has no effect"),
        (["--push", "--output", "type=oci,dest=a.tar"], "from which --push pushes"),
    ],
)
def test_a_flag_without_an_effect_is_refused(
    shown: list[Settings],
    words: list[str],
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MENTATOR_CUDA", "auto")
    with pytest.raises(SystemExit) as caught:
        Program(namespace=tasks.namespace).run(["invoke", "build", "--dry", *words])
    assert caught.value.code == 2
    assert what in capsys.readouterr().err
    assert shown == []


def test_a_variable_for_all_builds_may_be_about_another_variant(
    shown: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENTATOR_CUDA_ARCHS", "90")
    monkeypatch.setenv("MENTATOR_ROCM_TARGETS", "gfx90a")
    invoke("build", "--dry", "--variant", "cpu")
    assert shown[0].cuda_archs == ("90",)


def test_flags_not_given_leave_the_variables_in_force(
    shown: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENTATOR_NO_CACHE", "1")
    monkeypatch.setenv("MENTATOR_YES", "1")
    monkeypatch.setenv("MENTATOR_CACHE_TO", "a")
    invoke("build", "--dry")
    assert (shown[0].no_cache, shown[0].yes, shown[0].cache_to) == (True, True, ("a",))


#: Invoke takes each text out of the table that it was given, so it is asked afresh.
FLAGS = """
import tasks
for name in tasks.namespace.task_names:
    for argument in tasks.namespace[name].get_arguments():
        print(name, argument.name, bool(argument.help))
"""


def test_every_flag_of_every_task_has_a_help_text() -> None:
    done = commands.check([sys.executable, "-c", FLAGS], cwd=REPOSITORY)
    rows = [line.split() for line in done.splitlines()]
    assert {task for task, _, _ in rows} >= {"build", "up", "ask", "publish"}
    assert [(task, flag) for task, flag, told in rows if told != "True"] == []
    assert ["up", "backend", "True"] in rows
    assert len([task for task, _, _ in rows if task == "build"]) == 18
    assert {flag for task, flag, _ in rows if task == "down"} == {"name", "force"}


def test_config_prints_every_setting_with_its_origin_and_meaning() -> None:
    argv = [sys.executable, "-m", "invoke", "config"]
    lines = commands.check(argv, env={"MENTATOR_PORT": "8080"}, cwd=REPOSITORY).splitlines()
    assert len(lines) == len(Settings.__dataclass_fields__)
    port = next(line for line in lines if line.startswith("port "))
    assert port.split(maxsplit=3)[:3] == ["port", "8080", "(environment)"]
    backend = next(line for line in lines if line.startswith("backend "))
    _, value, origin, meaning = backend.split(maxsplit=3)
    assert (value, origin) == ("auto", "(default)")
    assert f"one of: {DEMANDS}" in meaning


def test_config_shows_the_ca_bundle_that_is_used(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("")
    argv = [sys.executable, "-m", "invoke", "config", "--json"]
    for variables, origin in (
        ({"SSL_CERT_FILE": str(bundle)}, "default"),
        ({"MENTATOR_CA_BUNDLE": str(bundle), "SSL_CERT_FILE": ""}, "environment"),
    ):
        read = json.loads(commands.check(argv, env=variables, cwd=REPOSITORY))
        (row,) = (row for row in read["settings"] if row["name"] == "ca_bundle")
        assert (row["value"], row["origin"]) == (str(bundle), origin)
        assert next(row for row in read["settings"] if row["name"] == "no_cache")["value"] is False


def test_a_backend_that_is_not_in_the_table_is_refused() -> None:
    argv = [sys.executable, "-m", "invoke", "up"]
    done = commands.capture(argv, env={"MENTATOR_BACKEND": "cdua"}, cwd=REPOSITORY)
    assert done.code == 2
    assert f"is not one of {DEMANDS}" in done.err
