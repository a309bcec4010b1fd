"""`up` with a docker client that writes down what it is asked for, and takes its time."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from scripts import docker_engine
from scripts.backends import table as backends
from scripts.docker_engine import Engine, EngineOptions
from scripts.host import hardware
from scripts.image.build_request import BuildRequest
from scripts.running import ask, ownership, up
from scripts.running.container import Container
from scripts.running.up_request import UpRequest
from tests.containers import free_port

#: `docker run` takes a second; `inspect` shows a healthy container.
DOCKER = """#!/bin/sh
case "$1" in
    run) echo "begin $$" >>"$LOG"; sleep "$TIME"; echo "end $$" >>"$LOG" ;;
    container) case "$2" in inspect) echo "$OWNER" ;; esac ;;
    inspect) echo '{"Running": true, "Health": {"Status": "healthy"}}' ;;
    rm) echo rm >>"$LOG" ;;
esac
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setenv("TIME", "1")
    monkeypatch.setenv("OWNER", ownership.identity())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(docker_engine, "ensure", lambda _options: Engine())
    monkeypatch.setattr(hardware, "find", lambda *_: ())
    monkeypatch.setattr(up, "_built", lambda *_: "sha256:1")
    monkeypatch.setattr(ask, "ask", lambda *_, **__: None)
    return tmp_path / "log"


def request(folder: Path) -> UpRequest:
    def build(_: object) -> BuildRequest:
        raise AssertionError("the image is there")

    return UpRequest(
        engine=EngineOptions(folder / "engine"),
        backend="auto",
        variant="",
        model="",
        data=folder / "data",
        host="127.0.0.1",
        port=free_port(),
        address="http://127.0.0.1:9",
        name="one",
        api_key="",
        build=build,
        container=lambda _choice, digest: Container(digest, "one", str(folder / "data")),
    )


def test_two_at_once_start_one_after_the_other(log: Path, tmp_path: Path) -> None:
    # As tasks.py does before anything else: two threads that let msgspec look at the same classes
    # for the first time crash it. In use these are two processes.
    backends.read()
    both = [threading.Thread(target=up.up, args=(request(tmp_path),)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    words = [line.split() for line in log.read_text().splitlines()]
    assert [word[0] for word in words] == ["rm", "begin", "end"] * 2
    runs = [number for name, *number in words if name != "rm"]
    assert runs[0] == runs[1] != runs[2] == runs[3]


@pytest.mark.parametrize("where", ["healthy", "ask"])
def test_an_interruption_leaves_no_container(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def interrupt(*_: object, **__: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setenv("TIME", "0")
    monkeypatch.setattr(*{"healthy": (up, "healthy"), "ask": (ask, "ask")}[where], interrupt)
    with pytest.raises(KeyboardInterrupt):
        up.up(request(tmp_path))
    assert log.read_text().splitlines()[-1] == "rm"
