from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scripts.running import models
from scripts.running.service_address import Service
from scripts.shared.errors import AskFailed


@dataclass
class Served:
    """A service that gives one answer, and what it was asked."""

    status: int
    body: bytes
    asked: list[tuple[str, str, str | None, bytes]] = field(default_factory=list)
    key: str = ""
    address: str = ""

    @property
    def service(self) -> Service:
        return Service(self.address, self.key)


@contextmanager
def serving(served: Served) -> Iterator[Served]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            authorization = self.headers.get("Authorization")
            served.asked.append((self.command, self.path, authorization, body))
            self.send_response(served.status)
            self.send_header("Content-Length", str(len(served.body)))
            self.end_headers()
            self.wfile.write(served.body)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def stream(*events: dict[str, object]) -> bytes:
    text = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    return f": waiting\n\n{text}data: [DONE]\n\n".encode()


STEP = {"source": "hf:a/b", "status": "downloading", "file": "m.gguf", "total": 2000}
DONE = {
    "status": "success",
    "source": "hf:a/b",
    "files": ["m.gguf"],
    "models": ["m.gguf"],
    "existed": False,
}


def test_models_are_listed_with_kind_and_size_and_pulls_with_progress() -> None:
    found = {
        "models": [{"name": "m.gguf", "kind": "embedding", "sizeKb": 2048}],
        "pulls": [{**STEP, "completed": 1000}, {"source": "hf:c/d", "status": "resolving"}],
    }
    assert models.lines(found) == [
        "m.gguf  embedding  2.1 MB",
        "hf:a/b  downloading  1.0 kB of 2.0 kB",
        "hf:c/d  resolving",
    ]
    assert models.lines({"models": []}) == ["There are no models."]


def test_a_pull_shows_progress_and_sends_the_key(capsys: pytest.CaptureFixture[str]) -> None:
    body = stream({**STEP, "completed": 0}, {**STEP, "completed": 2000}, DONE)
    with serving(Served(200, body, key="k")) as served:
        models.pull(served.service, "hf:a/b")
    assert served.asked == [("POST", "/models/pull", "Bearer k", b'{"source": "hf:a/b"}')]
    assert "m.gguf: is there." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (403, b'{"error": "only with an API key"}', "only with an API key"),
        (200, stream({**STEP, "completed": 5}, {"error": "no space"}), "no space"),
        (200, stream({**STEP, "completed": 5}), "without a word"),
    ],
)
def test_a_pull_that_fails_says_why(status: int, body: bytes, why: str) -> None:
    with serving(Served(status, body)) as served, pytest.raises(AskFailed) as caught:
        models.pull(served.service, "hf:a/b")
    assert why in caught.value.message()


@pytest.mark.parametrize(("force", "query"), [(False, ""), (True, "?force=true")])
def test_a_model_of_any_name_is_removed(
    capsys: pytest.CaptureFixture[str], force: bool, query: str
) -> None:
    body = b'{"deleted": "m", "files": ["x/m.gguf"], "note": "It comes back."}'
    with serving(Served(200, body)) as served:
        models.remove(served.service, "m.gguf (x/../y)?", force=force)
    path = f"/models/m.gguf%20%28x%2F..%2Fy%29%3F{query}"
    assert served.asked == [("DELETE", path, None, b"")]
    assert capsys.readouterr().out == "Deleted x/m.gguf.\nIt comes back.\n"
