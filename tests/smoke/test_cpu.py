"""The image on the CPU with its real model. All must pass before it may be published."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from scripts.docker_engine import Engine
from scripts.running import service_client, up
from scripts.shared import commands
from scripts.shared.console import wait_until
from tests import containers
from tests.containers import Running

#: The container's CPU quota (`docker run --cpus`).
CPUS = 2

#: A schema as in real use: nested, with an enumeration and a list of limited length.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "climate": {"enum": ["hot", "mild", "cold"]},
        "sights": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
        "inhabitants": {"type": "integer"},
    },
    "required": ["city", "climate", "sights", "inhabitants"],
    "additionalProperties": False,
}

CONFIGURATION = "mentator-llm-service.conf.jsonc"
DATABASE = "mentator-llm-service.db"


@pytest.fixture(scope="module")
def service(engine: Engine, image: dict[str, Any], data: str) -> Iterator[Running]:
    container = containers.describe(image["digest"], data, flags=("--cpus", str(CPUS)))
    with containers.healthy(engine, container) as running:
        yield running


@pytest.fixture
def model(image: dict[str, Any]) -> str:
    name: str = image["model"]["name"]
    return name


def test_container_is_healthy(service: Running) -> None:
    assert service.inspect()["State"]["Health"]["Status"] == "healthy"


def test_container_runs_the_digest_of_the_build(service: Running, image: dict[str, Any]) -> None:
    assert image["digest"] in (service.inspect()["Image"], service.inspect()["Config"]["Image"])


def test_version_is_that_of_the_application(service: Running, image: dict[str, Any]) -> None:
    version = service_client.get(service.address, "/state/version")
    assert version == {"version": image["application"]["version"]}


def test_configuration_is_created_with_comments(service: Running) -> None:
    text = (service.data / CONFIGURATION).read_text(encoding="utf-8")
    assert "//" in text
    for key in ("defaultOptions", "log", "liveDay"):
        assert f'"{key}"' in text


def test_default_model_is_copied_completely(service: Running, image: dict[str, Any]) -> None:
    copied = (service.data / "models" / image["model"]["name"]).read_bytes()
    assert hashlib.sha256(copied).hexdigest() == image["model"]["sha256"]
    listed = service_client.get(service.address, "/state/models")["models"]
    assert [row["relativeFileName"] for row in listed] == [image["model"]["name"]]


def test_backend_is_the_cpu(service: Running) -> None:
    state = service_client.get(service.address, "/state")
    assert state["gpuInfo"]["type"] == "cpu"
    assert state["gpuInfo"]["device"]


def test_log_says_which_backend_was_chosen_and_why(service: Running) -> None:
    log = service.log()
    assert re.search(r"chosen\s+cpu", log)
    for other in ("cuda", "rocm"):
        assert re.search(rf"{other}\s+not possible: .*/dev/", log)


def test_answer_follows_its_schema(service: Running, model: str) -> None:
    answer = service_client.prompt(
        service.address,
        {
            "model": model,
            "message": {"user": "Describe the city of Lisbon."},
            "format": {"useGrammar": True, "jsonSchema": SCHEMA},
            "options": {"maxTokens": 300},
        },
    )
    jsonschema.validate(answer["result"]["data"], SCHEMA)
    assert answer["duration"]["promptMsec"] > 0


def test_answer_names_the_capital_of_france(service: Running, model: str) -> None:
    answer = service_client.prompt(
        service.address,
        {
            "model": model.removesuffix(".gguf").upper(),
            "message": {"user": "What is the capital of France? Answer in one short sentence."},
        },
    )
    assert "Paris" in answer["result"]["data"]
    assert answer["result"]["loadModelStatus"] == "exists"


def test_threads_do_not_exceed_the_cpu_quota(service: Running) -> None:
    threads = re.search(r"(\d+) threads?", service.log())
    assert threads, "the log does not name the number of threads"
    assert int(threads[1]) <= CPUS


def test_threads_follow_a_smaller_cpu_quota(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    container = containers.describe(image["digest"], str(tmp_path / "d"), flags=("--cpus", "1"))
    with containers.folder(tmp_path / "d"), containers.healthy(engine, container) as running:
        threads = re.search(r"(\d+) threads?", running.log())
        assert threads
        assert int(threads[1]) == 1


def test_service_does_not_run_as_root(service: Running) -> None:
    status = service.run("cat", "/proc/1/status")
    uids = re.search(r"^Uid:\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)", status, re.MULTILINE)
    assert uids
    assert "0" not in uids.groups()
    assert "node" in service.run("cat", "/proc/1/cmdline")


def test_restart_keeps_the_model_file_and_the_log(
    service: Running, engine: Engine, model: str
) -> None:
    copied = service.data / "models" / model
    before = (copied.stat().st_ino, copied.stat().st_mtime_ns)
    rows = _prompts(service.data)
    assert rows >= 2

    assert service.stop() == 0, "the service did not exit cleanly after SIGTERM"
    commands.check(engine.argv("start", service.container.name))
    assert wait_until(
        "waiting for the restart",
        lambda: up.healthy(engine, service.container.name),
        timeout=up.HEALTHY_WITHIN,
    )

    assert (copied.stat().st_ino, copied.stat().st_mtime_ns) == before
    assert _prompts(service.data) == rows
    assert sorted(path.name for path in copied.parent.iterdir()) == [model]


def test_log_has_no_error(service: Running) -> None:
    bad = re.compile("error|fatal", re.IGNORECASE)
    assert [line for line in service.log().splitlines() if bad.search(line)] == []


def test_service_stops_cleanly_and_leaves_an_intact_database(service: Running) -> None:
    assert service.stop() == 0
    with sqlite3.connect(service.data / DATABASE) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    # The configuration file is complete: JSON with comments.
    text = (service.data / CONFIGURATION).read_text(encoding="utf-8")
    json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))


def _prompts(data: Path) -> int:
    """Rows in the prompt table, read while the service runs (WAL allows it)."""
    database = sqlite3.connect(f"file:{data / DATABASE}?mode=ro", uri=True)
    try:
        count: int = database.execute("SELECT count(*) FROM prompt").fetchone()[0]
        return count
    finally:
        database.close()
