"""What hostile clients send, and a client that asks /health meanwhile."""

from __future__ import annotations

import json
import resource
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

#: The service's limit of a body, bytes.
BODY_LIMIT = 16 * 1024**2

#: The shapes of bodies that take longest.
LARGEST = ("lists in lists", "numbers", "keys")

#: Between two questions whether the service is alive, seconds.
PERIOD = 0.1

#: How long any call may take here, seconds. No speed is tested: machines are busy.
PATIENCE = 180.0


@dataclass
class Health:
    """How /health answered while others were hostile."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def status(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> int:
    """The status of one call, on a connection of its own; its answer is read to the end."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        sent = dict(headers or {})
        if body is not None:
            sent = {"Content-Type": "application/json", **sent}
        # The service answers before it has read a body that it refuses, and closes.
        with suppress(ConnectionError):
            connection.request(method, path, body, sent)
        answer = connection.getresponse()
        with suppress(HTTPException, ConnectionError):
            answer.read()
        return answer.status
    finally:
        connection.close()


def read(port: int, path: str) -> Any:
    """The JSON that a path answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def dump(value: object) -> bytes:
    """As JSON, with the characters as they are."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


@contextmanager
def asked(port: int) -> Iterator[Health]:
    """Ask /health all the time, on a new connection each."""
    health, end = Health(), threading.Event()

    def ask() -> None:
        while not end.wait(PERIOD):
            began = time.monotonic()
            try:
                code = status(port, "GET", "/health")
                if code != 200:
                    health.failures.append(f"status {code}")
            except (OSError, HTTPException) as error:
                health.failures.append(repr(error))
            health.seconds.append(time.monotonic() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield health
    finally:
        end.set()
        thread.join()


@contextmanager
def connections(port: int, count: int, first: bytes = b"") -> Iterator[list[socket.socket]]:
    """Open connections that send the same bytes and then nothing. As many as this process may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        opened: list[socket.socket] = []
        for _ in range(min(count, hard - 500)):
            made = stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            with suppress(ConnectionError):
                made.sendall(first)
            opened.append(made)
        yield opened


def rest(made: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    parts: list[bytes] = []
    with suppress(ConnectionError):
        while part := made.recv(65536):
            parts.append(part)
    return b"".join(parts)


def call(path: str, value: object, *headers: str) -> bytes:
    """A whole request as it is sent."""
    body = dump(value)
    head = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    head += [f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def shapes() -> dict[str, bytes]:
    """Bodies of any route: as large as is taken, deep, wide, or no JSON at all."""
    half = BODY_LIMIT // 2
    return {
        "one byte too many": b" " * (BODY_LIMIT + 1),
        "blanks": b" " * BODY_LIMIT,
        "open lists": b"[" * BODY_LIMIT,
        "lists in lists": b"[" * half + b"]" * half,
        "objects in objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        "numbers": b'{"a":[' + b"1," * (half - 10) + b"1]}",
        "keys": dump({f"k{index}": 1 for index in range(900_000)}),
        "a text without end": b'"' + b"x" * (BODY_LIMIT - 1),
        "backslashes": b'"' + b"\\" * (BODY_LIMIT - 1),
        "a number": b"1" * BODY_LIMIT,
        "no UTF-8": b'{"model":"\xff\xfe\xc0"}',
        "nothing": b"",
        "a prototype": b'{"__proto__":{"a":1},"constructor":{"prototype":{"b":1}}}',
    }


def long_texts(model: str) -> dict[str, dict[str, Any]]:
    """A valid body of each route whose text cannot fit, near the limit of a body."""
    words = "hello world " * ((BODY_LIMIT - 4096) // 12)
    say = {"role": "user", "content": words}
    tool = {"type": "function", "function": {"name": "t", "description": words}}
    return {
        "/v1/completions": {"model": model, "prompt": words},
        "/v1/chat/completions": {"model": model, "messages": [say]},
        "/v1/embeddings": {"model": model, "input": words},
        "/prompt": {"model": model, "message": {"user": words}, "durationMsec": 60_000},
        "/embedding": {"model": model, "message": words},
        "/check/jsonresponse": {"schema": {"type": "string", "pattern": words}},
        "/check/gbnf": {"schema": {"enum": words.split()[:200_000]}},
        "/v1/chat/completions#tools": {
            "model": model,
            "messages": [{"role": "user", "content": "Hi"}],
            "tools": [tool],
        },
    }
