from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from scripts.docker_engine.client import Answer, Chosen
from scripts.docker_engine.decision import (
    Install,
    StartOwn,
    StartService,
    Step,
    Use,
    decide,
    describe,
)
from scripts.docker_engine.survey import Survey
from scripts.shared.errors import (
    EngineDenied,
    EngineMissing,
    EngineTooOld,
    EngineUnreachable,
    PipelineError,
)

GOOD = Answer("answers", server=Version("28.5.2"))
OLD = Answer("answers", server=Version("20.10.24"))
SILENT = Answer("silent", detail="Cannot connect to the Docker daemon.")
DENIED = Answer("denied", detail="permission denied while trying to connect")
HOST = Chosen("DOCKER_HOST", "ssh://build")
CONTEXT = Chosen("context rootless", "unix:///run/user/1000/docker.sock")

#: Root on a machine with client, daemon and buildx, where nothing runs and no service is known.
BASE = Survey(
    folder=Path("/home/ada/engine"),
    chosen=None,
    default=SILENT,
    own=SILENT,
    client=Version("28.2.2"),
    buildx=Version("0.29.1"),
    dockerd=Version("28.5.2"),
    root=True,
    service="",
    manager="apt",
    own_made=False,
    half_installed=False,
)
AS_ROOT = "sudo env MENTATOR_ENGINE_DIR=/home/ada/engine ./mentator engine.start --yes"
BARE: dict[str, Any] = {"client": None, "buildx": None, "dockerd": None}


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        # What the user chose goes first, then the default, then the own engine.
        ({"chosen": HOST, "default": GOOD, "own": GOOD}, Use(own=False)),
        ({"default": GOOD, "own": GOOD}, Use(own=False)),
        ({"own": GOOD}, Use(own=True)),
        ({"default": OLD, "own": GOOD}, Use(own=True)),
        ({"default": DENIED, "own": GOOD, "root": False}, Use(own=True)),
        # Start what is installed.
        ({}, StartOwn()),
        ({"service": "systemd"}, StartService("systemd")),
        ({"service": "systemd", "own_made": True}, StartOwn()),
        ({"service": "desktop", "dockerd": None, "root": False}, StartService("desktop")),
        ({"service": "desktop-mac", "dockerd": None, "root": False}, StartService("desktop-mac")),
        # Install what is missing.
        (BARE, Install("engine", "apt")),
        ({**BARE, "client": Version("28.2.2")}, Install("engine", "apt")),
        ({"dockerd": Version("20.10.24")}, Install("engine", "apt")),
        ({"dockerd": Version("20.10.24"), "service": "systemd"}, Install("engine", "apt")),
        ({"half_installed": True}, Install("engine", "apt")),
        ({"default": GOOD, "buildx": None}, Install("plugin", "apt")),
        ({"own": GOOD, "buildx": None, "manager": "dnf"}, Install("plugin", "dnf")),
        ({"chosen": HOST, "default": GOOD, "buildx": None}, Install("plugin", "apt")),
    ],
)
def test_the_next_step(changes: dict[str, Any], step: Step) -> None:
    assert decide(dataclasses.replace(BASE, **changes)) == step
    assert describe(step)


@pytest.mark.parametrize(
    ("changes", "error", "word"),
    [
        ({"chosen": HOST, "own": GOOD}, EngineUnreachable, "ssh://build"),
        ({"chosen": CONTEXT}, EngineUnreachable, "systemctl --user start docker"),
        ({"chosen": HOST, "default": DENIED}, EngineDenied, "usermod"),
        ({"chosen": HOST, "default": OLD}, EngineTooOld, "20.10.24"),
        ({"default": OLD}, EngineTooOld, "23.0 needed"),
        ({"default": GOOD, "buildx": Version("0.11")}, EngineTooOld, "0.12 needed"),
        (
            {"default": GOOD, "buildx": None, "root": False},
            EngineTooOld,
            "sudo apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends docker-bu",
        ),
        ({"default": DENIED, "root": False}, EngineDenied, "usermod"),
        ({"own": DENIED, "root": False}, EngineDenied, "usermod"),
        ({"root": False}, EngineDenied, AS_ROOT),
        ({"root": False, "service": "systemd"}, EngineDenied, "sudo systemctl start docker"),
        ({**BARE, "root": False}, EngineDenied, AS_ROOT),
        ({**BARE, "manager": ""}, EngineMissing, "Docker Desktop"),
        ({"dockerd": Version("20.10.24"), "manager": ""}, EngineMissing, "older than 23.0"),
    ],
)
def test_an_error_is_raised_when_no_step_is_left(
    changes: dict[str, Any], error: type[PipelineError], word: str
) -> None:
    with pytest.raises(error) as caught:
        decide(dataclasses.replace(BASE, **changes))
    assert word in caught.value.message()


REFUSED = Answer("refused", detail='context "gone": context not found')


@pytest.mark.parametrize("answers", [(REFUSED, SILENT), (REFUSED, GOOD), (SILENT, REFUSED)])
@pytest.mark.parametrize("version", [None, Version("28.2.2")])
def test_settings_that_docker_cannot_use_are_named_in_its_own_words(
    answers: tuple[Answer, Answer], version: Version | None
) -> None:
    default, own = answers
    seen = dataclasses.replace(
        BASE, default=default, own=own, client=version, variables=("DOCKER_CONTEXT=gone",)
    )
    with pytest.raises(EngineUnreachable) as caught:
        decide(seen)
    assert 'docker says: context "gone": context not found' in caught.value.why
    assert "DOCKER_CONTEXT=gone" in caught.value.why
    assert caught.value.next == "Correct them, or: unset DOCKER_CONTEXT"
    assert "nstall" not in caught.value.message()
