from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.image.plan import CLEARED, build_argv, environment, plan
from scripts.running import service_client
from scripts.shared import proxies
from tests.unit.build_requests import request
from tests.unit.image.test_plan import BASES


class Service(http.server.BaseHTTPRequestHandler):
    """Answers every request in the service's form."""

    def do_GET(self) -> None:
        body = json.dumps({"path": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name is the library's

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_the_own_service_is_asked_without_the_proxy(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving() as address:
        assert service_client.answers(address)
        assert service_client.get(address, "/state") == {"path": "/state"}
        assert service_client.prompt(address, {}) == {"path": "/prompt"}


def test_each_variable_is_there_in_both_spellings() -> None:
    given = {"HTTP_PROXY": "http://p:1", "no_proxy": "x", "https_proxy": "", "OTHER": "o"}
    assert proxies.both_spellings(given) == {
        **dict.fromkeys(("http_proxy", "HTTP_PROXY"), "http://p:1"),
        **dict.fromkeys(("no_proxy", "NO_PROXY"), "x"),
    }


def test_a_build_gets_the_proxies_and_shows_no_password() -> None:
    given = proxies.both_spellings({"https_proxy": "http://me:word@proxy:1"})
    built = request(proxies=given)
    argv = build_argv(plan(built, BASES, Path("/model")))
    assert argv[argv.index("https_proxy") - 1] == "--build-arg"
    assert argv[argv.index("HTTPS_PROXY") - 1] == "--build-arg"
    assert "word" not in " ".join(argv)
    assert environment(built)["HTTPS_PROXY"] == "http://me:word@proxy:1"


def test_variables_of_buildx_that_change_the_image_are_taken_out() -> None:
    assert {name: environment(request())[name] for name in CLEARED} == dict.fromkeys(CLEARED)
    assert {"BUILDX_GIT_LABELS", "BUILDX_BUILDER"} < set(CLEARED)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("http://127.0.0.1:3128", ["http_proxy"]),
        ("localhost:3128", ["http_proxy"]),
        ("socks5://[::1]:1080", ["http_proxy"]),
        ("http://proxy.example:3128", []),
        ("http://[broken", []),
    ],
)
def test_a_proxy_that_no_container_reaches_is_found(value: str, found: list[str]) -> None:
    assert proxies.on_loopback({"http_proxy": value, "HTTP_PROXY": value}) == found
