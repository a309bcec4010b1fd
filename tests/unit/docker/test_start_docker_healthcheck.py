"""docker/healthcheck.mjs against real servers, good and bad."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from scripts.shared.node_tools import node_argv
from scripts.shared.paths import REPOSITORY

SCRIPT = REPOSITORY / "docker/healthcheck.mjs"

#: A module that Node loads first.
FAST_CLOCK = (
    "data:text/javascript,const real = globalThis.setTimeout;"
    "globalThis.setTimeout = (act, ms) => real(act, ms / 20);"
)


@contextmanager
def answering(*answers: bytes, hold: bool = False) -> Iterator[tuple[int, list[bytes]]]:
    """A server's port, which answers a request with each of these; `hold` keeps them open after."""
    seen: list[bytes] = []
    done = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            with ExitStack() as stack:
                for answer in answers:
                    connection = stack.enter_context(server.accept()[0])
                    seen.append(connection.recv(65536))
                    connection.sendall(answer)
                    if not hold:
                        connection.close()
                done.wait(20 if hold else 0)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], seen
        finally:
            done.set()
            thread.join()


def response(status: str, body: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*node_argv(), *arguments], capture_output=True, text=True, timeout=30, check=False
    )


VERSION = response("200 OK", '{"version": "1.2.3"}')


@pytest.mark.parametrize(
    "health",
    [
        response("200 OK", '{"status": "ok"}'),
        response("404 Not Found", "an application without such a path"),
        response("401 Unauthorized", '{"error": "a key is needed"}'),
    ],
)
def test_a_version_is_healthy(health: bytes) -> None:
    with answering(VERSION, health, hold=True) as (port, seen):
        result = check(str(SCRIPT), str(port))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert seen[0].startswith(b"GET /state/version HTTP/1.1\r\n")
    assert seen[1].startswith(b"GET /health HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("body", "reason"),
    [('{"error": "The GPU was lost."}', "The GPU was lost."), ("busy", "without a reason")],
)
def test_a_service_that_calls_itself_ill_is_unhealthy(body: str, reason: str) -> None:
    with answering(VERSION, response("503 Service Unavailable", body)) as (port, _):
        result = check(str(SCRIPT), str(port))
    assert result.returncode == 1
    assert result.stderr == f"unhealthy: http://127.0.0.1:{port}/health answers 503: {reason}\n"


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (response("503 Service Unavailable", '{"error": "x"}'), "answers 503"),
        (response("302 Found", '{"version": "1"}'), "answers 302"),
        (response("200 OK", "<html>"), "something else than JSON"),
        (response("200 OK", "null"), "something else than JSON"),
        (response("200 OK", '{"version": 3}'), "without a version"),
        (response("200 OK", '{"version": ""}'), "without a version"),
        (response("200 OK", "[" * 70000), "answers too much"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "breaks off"),
        (b"", "cannot be reached"),
        (b"SSH-2.0-OpenSSH\r\n", "cannot be reached"),
    ],
)
def test_anything_else_is_unhealthy_with_one_line(answer: bytes, fault: str) -> None:
    with answering(answer) as (port, _):
        result = check(str(SCRIPT), str(port))
    assert result.returncode == 1
    assert fault in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_closed_port_is_unhealthy() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    result = check(str(SCRIPT), str(port))
    assert result.returncode == 1
    assert "ECONNREFUSED" in result.stderr


def test_a_service_that_never_answers_is_given_up_after_eight_seconds() -> None:
    """The image's HEALTHCHECK allows ten. The clock runs twenty times faster here."""
    with answering(b"HTTP/1.1 200 OK\r\n", hold=True) as (port, _):
        result = check("--import", FAST_CLOCK, str(SCRIPT), str(port))
    assert result.returncode == 1
    assert "does not answer within 8 s" in result.stderr


def test_the_port_is_the_containers_where_none_is_named() -> None:
    """Should a service run on this machine's port, the check is healthy."""
    result = check(str(SCRIPT))
    assert result.returncode == 0 or "http://127.0.0.1:19777/state/version" in result.stderr
