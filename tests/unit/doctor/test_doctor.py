from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts import doctor
from scripts.backends import table as backends
from scripts.docker_engine.client import Answer, Chosen
from scripts.docker_engine.survey import Survey
from scripts.docker_engine.versions import parse
from scripts.doctor import docker, gpus, machine, reach
from scripts.doctor.finding import Finding, Scene, State
from scripts.host import hardware as host_hardware
from scripts.model import contexts
from scripts.shared.errors import DoctorFailed


def scene(**changes: object) -> Scene:
    values: dict[str, object] = {
        "folder": Path("/e"),
        "chosen": None,
        "default": Answer("answers", server=parse("28.5.2")),
        "own": Answer("silent"),
        "client": parse("28.2.2"),
        "buildx": parse("0.29.1"),
        "dockerd": None,
        "root": True,
        "service": "",
        "manager": "apt",
        "own_made": False,
        "half_installed": False,
    }
    return Scene(Survey(**{**values, **changes}))  # type: ignore[arg-type]


SILENT = Answer("silent", detail="refused")


@pytest.mark.parametrize(
    ("changes", "state", "word"),
    [
        ({}, "pass", "28.5.2"),
        ({"default": SILENT, "dockerd": parse("28.5.2")}, "warn", "starts the project's own"),
        ({"default": SILENT}, "fail", "can be installed with apt"),
        ({"default": SILENT, "chosen": Chosen("DOCKER_HOST", "tcp://x")}, "fail", "tcp://x"),
    ],
)
def test_engine(changes: dict[str, object], state: State, word: str) -> None:
    finding = docker.answering(scene(**changes))
    assert (finding.state, word in finding.detail) == (state, True)


@pytest.mark.parametrize(
    ("version", "state"), [("0.29.1", "pass"), ("0.12", "pass"), ("0.11.9", "fail"), ("", "fail")]
)
def test_buildx(version: str, state: State) -> None:
    assert docker.buildx(scene(buildx=parse(version))).state == state


@pytest.mark.parametrize(
    ("free", "state"),
    [(docker.BUILD_ROOM, "pass"), (docker.BUILD_ROOM - 1, "warn"), (1_000_000, "fail")],
)
def test_disk(free: int, state: State) -> None:
    assert docker.judge_disk(Path("/d"), free).state == state


@pytest.mark.parametrize(
    ("count", "state"),
    [(machine.COMFORT, "pass"), (machine.NEED, "warn"), (machine.NEED - 1, "fail")],
)
def test_memory(count: int, state: State) -> None:
    assert machine.judge_memory(count).state == state


def test_available_memory() -> None:
    text = "MemTotal:       24684084 kB\nMemFree: 1 kB\nMemAvailable:   24242280 kB\n"
    assert machine.available(text) == 24242280 * 1024
    assert machine.available("") == 0


def test_ca_bundle_of_the_setting_must_be_there(tmp_path: Path) -> None:
    wrong = Scene(scene().survey, ca_bundle=str(tmp_path / "none.pem"))
    assert machine.ca(wrong).state == "fail"


def test_no_staged_model_is_no_fault(tmp_path: Path) -> None:
    assert machine.judge_model([]).state == "pass"
    path = tmp_path / "m.gguf"
    path.write_bytes(b"x" * 2000)
    assert machine.judge_model([path]).detail == "staged: m.gguf (2.0 kB)"


def test_what_is_out_of_reach_is_a_warning_that_names_the_stand_in() -> None:
    assert reach.judge("r", "https://r", "", "packages").state == "pass"
    finding = reach.judge("r", "https://r", "not in reach", "packages instead")
    assert (finding.state, finding.detail) == ("warn", "https://r: not in reach; packages instead")


@pytest.mark.parametrize(
    ("found", "state"), [("absent", "pass"), ("present", "pass"), ("broken", "warn")]
)
def test_hardware_that_cannot_be_used_is_a_warning(
    found: host_hardware.State, state: State
) -> None:
    mode = backends.read().mode("cuda")
    seen = host_hardware.Presence(mode, found, "what was seen", "what helps")
    expected = Finding("NVIDIA CUDA", state, "what was seen", "what helps")
    assert gpus.finding(seen) == expected


def test_each_row_with_signs_has_a_check_in_the_tables_order() -> None:
    names = [check(scene()).name for check in gpus.checks(backends.read())]
    assert names == [mode.title for mode in backends.read().modes if mode.signs]


FINDINGS = [Finding("engine", "fail", "none", "do this"), Finding("model", "pass", "staged: m")]


def test_the_report_for_a_person() -> None:
    assert doctor.report(FINDINGS).splitlines() == [
        "fail  engine  none",
        "              next: do this",
        "pass  model   staged: m",
    ]


def test_the_report_for_a_machine() -> None:
    assert json.loads(doctor.report(FINDINGS, as_json=True))[0] == {
        "name": "engine",
        "state": "fail",
        "detail": "none",
        "next": "do this",
    }


def test_a_failure_fails_and_a_warning_does_not() -> None:
    with pytest.raises(DoctorFailed, match=r"1 of 2 checks failed: engine\."):
        doctor.require(FINDINGS)
    doctor.require([Finding("a", "warn", "b"), Finding("c", "pass", "d")])


def test_a_file_that_this_user_may_not_see_does_not_end_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def disk(_: Scene) -> Finding:
        raise PermissionError(13, "Permission denied", "/root/data")

    monkeypatch.setattr(doctor, "CHECKS", (disk, lambda _: Finding("memory", "pass", "good")))
    monkeypatch.setattr(Scene, "of", lambda *_: scene())
    first, second, *_ = doctor.examine(Path("/d"), "")
    assert (first.name, first.state) == ("disk", "warn")
    assert "/root/data" in first.detail
    assert second.name == "memory"


def test_a_model_that_a_build_staged_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "BUILD", tmp_path)
    assert "none staged yet" in machine.model(scene()).detail
    staged = contexts.folder(tmp_path / "context", "0" * 64, 5, "m.gguf")
    staged.mkdir(parents=True)
    (staged / "m.gguf").write_text("12345")
    assert machine.model(scene()).detail == "staged: m.gguf (5 B)"
