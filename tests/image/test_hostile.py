"""Hostile clients against the running container: /health answers meanwhile, and it lives on."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.docker_engine import Engine
from tests import containers
from tests.containers import Running
from tests.image import hostile

#: What a refusal may be: the request's fault, or a full queue.
REFUSALS = {400, 403, 404, 405, 413, 415, 429}

#: What memory may grow by in a second round of the largest bodies, MiB: garbage stays for a while.
GROWTH = 150

#: Routes that get bodies of every shape.
THOROUGH = ("/v1/chat/completions", "/prompt")

POST = b"POST /prompt HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture(scope="module")
def running(
    engine: Engine, image: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    with (
        containers.folder(tmp_path_factory.mktemp("hostile") / "data") as data,
        # With one thread: several wait for each other at every step, which is slow beside others.
        containers.healthy(
            engine, containers.describe(image["digest"], data, flags=("--cpus", "1"))
        ) as container,
    ):
        yield container


@pytest.fixture(scope="module")
def port(running: Running) -> int:
    return running.container.port


@pytest.fixture(scope="module")
def model(port: int) -> str:
    return str(hostile.read(port, "/v1/models")["data"][0]["id"])


@pytest.fixture(autouse=True)
def alive(running: Running, port: int) -> Iterator[None]:
    """Around each test: /health answers all the time, and the process stays the same."""
    before = running.inspect()["State"]
    with hostile.asked(port) as health:
        yield
    after = running.inspect()["State"]
    assert (after["Pid"], after["StartedAt"]) == (before["Pid"], before["StartedAt"]), running.log()
    assert health.failures == []
    assert max(health.seconds, default=0) < hostile.PATIENCE


def posts(port: int) -> list[str]:
    """All paths that take a body, as the OpenAPI document lists them."""
    paths: dict[str, Any] = hostile.read(port, "/doc/json")["paths"]
    return [path for path, methods in paths.items() if "post" in methods]


def resident(running: Running) -> int:
    """Memory of all processes in the container, MiB."""
    lines = running.run("sh", "-c", "cat /proc/[0-9]*/status 2>/dev/null | grep VmRSS")
    return sum(int(line.split()[1]) for line in lines.splitlines()) // 1024


def test_bodies_at_the_limit_of_every_route_are_refused(port: int) -> None:
    paths = posts(port)
    assert "/v1/chat/completions" in paths
    # One reader reads all bodies: every shape on two routes, and three of them on the others.
    wrong = {
        (path, name): code
        for name, body in hostile.shapes().items()
        for path in (paths if name in hostile.LARGEST else THOROUGH)
        if (code := hostile.status(port, "POST", path, body)) not in REFUSALS
    }
    assert wrong == {}


def test_texts_that_cannot_fit_are_refused_and_memory_stays_flat(
    running: Running, port: int, model: str
) -> None:
    def round_trip() -> dict[str, int]:
        bodies = hostile.long_texts(model).items()
        return {
            path: hostile.status(port, "POST", path.split("#")[0], hostile.dump(body))
            for path, body in bodies
        }

    codes = round_trip()
    # The calls that only check a schema answer why it cannot be used.
    assert {path: code for path, code in codes.items() if code != 400} == {
        "/check/jsonresponse": 200,
        "/check/gbnf": 200,
    }
    before = resident(running)
    round_trip()
    assert resident(running) < before + GROWTH


@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "\ud800",
        "\udc00\ud800",
        "\U0001f600" * 9,
        "\u202e\u0627",
        "\ufeff\uffff",
        "e\u0301",
    ],
    ids=("zero", "lone", "swapped", "emoji", "direction", "mark", "combining"),
)
def test_any_text_is_answered_or_refused(port: int, model: str, text: str) -> None:
    """Lone surrogates come as JSON escapes: nothing else can send them."""
    body = json.dumps({"model": model, "prompt": f"a{text}b", "max_tokens": 2, "stop": [text]})
    assert hostile.status(port, "POST", "/v1/completions", body.encode()) in {200, 400}
    named = json.dumps({"model": text, "prompt": "a"}).encode()
    assert hostile.status(port, "POST", "/v1/completions", named) in {400, 404}


@pytest.mark.parametrize(
    "path",
    [
        "/log/core/byid?limit=1e999&afterId=-1",
        "/log/chat/bydate?date=99999999&hour=99",
        "/static/..%2f..%2fetc/passwd",
        "/v1/models/%00%2e%2e",
        "/%ff%fe",
        "/" + "a" * 12_000,
        "/v1" * 3000,
        "//" * 5000 + "state",
    ],
    ids=range(8),
)
def test_odd_paths_are_refused_or_answered(port: int, path: str) -> None:
    assert hostile.status(port, "GET", path) < 500


@pytest.mark.parametrize(
    "text",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        POST + b"Content-Length: 99999999999\r\n\r\n",
    ],
    ids=range(8),
)
def test_broken_requests_are_refused_and_closed(port: int, text: bytes) -> None:
    with hostile.connections(port, 1, text) as (made,):
        assert hostile.rest(made).startswith(b"HTTP/1.1 4")


def test_slow_senders_keep_nobody_waiting(port: int) -> None:
    body = POST + b"Content-Length: 1000\r\n\r\n"
    with (
        hostile.connections(port, 200, b"GET /health HTTP/1.1\r\n") as heads,
        hostile.connections(port, 200, body) as bodies,
    ):
        for _ in range(5):
            for made in [*heads, *bodies]:
                made.sendall(b"a")
            time.sleep(0.5)


def test_readers_that_read_nothing_leave_the_slots(port: int, model: str) -> None:
    prompt = {"model": model, "prompt": "Count: 1, 2, 3,", "max_tokens": 200, "stream": True}
    request = hostile.call("/v1/completions", prompt)
    with hostile.connections(port, 20, request):
        time.sleep(3)
    short = hostile.dump({"model": model, "prompt": "a", "max_tokens": 1})
    assert hostile.status(port, "POST", "/v1/completions", short) == 200


def test_pipelined_and_half_closed_requests_are_answered(port: int, model: str) -> None:
    one = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with hostile.connections(port, 1, one * 199 + last) as (made,):
        assert hostile.rest(made).count(b'{"status":"ok"}') == 200
    prompt = {"model": model, "prompt": "a", "max_tokens": 2}
    request = hostile.call("/v1/completions", prompt, "Connection: close")
    with hostile.connections(port, 8, request) as opened:
        for made in opened:
            made.shutdown(1)
        answers = [hostile.rest(made) for made in opened]
    # A client that has closed its side may have left: it is answered or dropped, not failed.
    assert all(answer == b"" or answer.startswith(b"HTTP/1.1 200") for answer in answers)


def test_clients_that_leave_at_once_leave_nothing_running(port: int, model: str) -> None:
    prompt = {"model": model, "prompt": "Once", "max_tokens": 300, "stream": True}
    for _ in range(5):
        with hostile.connections(port, 40, hostile.call("/v1/completions", prompt)):
            pass
    short = hostile.dump({"model": model, "prompt": "a", "max_tokens": 1})
    assert hostile.status(port, "POST", "/v1/completions", short) == 200


def test_thousands_of_connections_keep_nobody_out(port: int, model: str) -> None:
    prompt = {"model": model, "prompt": "a", "max_tokens": 1}
    codes: list[int] = []

    def ask() -> None:
        codes.append(hostile.status(port, "POST", "/v1/completions", hostile.dump(prompt)))

    with hostile.connections(port, 3000) as opened:
        assert len(opened) > 1000
        askers = [threading.Thread(target=ask) for _ in range(4)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        time.sleep(2)
    assert codes == [200] * 4
