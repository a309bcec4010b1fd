"""`./mentator up`, `ask`, `logs` and `down` from the shell."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.shared.paths import REPOSITORY
from tests import containers


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    with containers.folder(tmp_path / "data") as data:
        settings = {
            "MENTATOR_NAME": f"mentator-test-{uuid.uuid4().hex[:10]}",
            "MENTATOR_PORT": str(containers.free_port()),
            "MENTATOR_DATA": data,
        }
        yield {**os.environ, **settings}
        mentator(settings | dict(os.environ), "down")


def mentator(environment: dict[str, str], *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(REPOSITORY / "mentator"), *argv],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def test_up_ask_logs_and_down_work(environment: dict[str, str], image: dict[str, Any]) -> None:
    up = mentator(environment, "up", "--yes")
    assert up.returncode == 0, up.stdout + up.stderr
    assert f"http://127.0.0.1:{environment['MENTATOR_PORT']}" in up.stdout
    assert re.search(r"\(.*[\d.]+ tokens/s.*\)$", up.stdout.strip())

    asked = mentator(environment, "ask", "What is the capital of France?")
    assert asked.returncode == 0, asked.stderr
    assert "Paris" in asked.stdout

    logs = mentator(environment, "logs")
    assert "cpu" in logs.stdout.lower()

    down = mentator(environment, "down")
    assert down.returncode == 0
    gone = mentator(environment, "ask", "Anybody there?")
    assert gone.returncode == 31
    assert f"`{REPOSITORY}/mentator up`" in gone.stderr


def test_up_fails_and_names_the_port_flag_when_the_port_is_in_use(
    environment: dict[str, str], image: dict[str, Any]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environment["MENTATOR_PORT"])))
        taken.listen()
        up = mentator(environment, "up", "--yes")
    assert up.returncode == 30
    assert "--port" in up.stderr
