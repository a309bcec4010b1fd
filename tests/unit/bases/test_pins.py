from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from scripts import bases, without_registry
from scripts.bases import registry_manifest
from scripts.docker_engine import configuration
from scripts.project import update_base_pins as pins
from scripts.project.update_base_pins import digest, newest
from tests.containers import free_port

DIGEST = "sha256:" + "1" * 64


@dataclass
class Registry:
    """A registry on loopback, as Docker Hub speaks; `seen` are its requests."""

    status: int = 200
    bearer: bool = False
    url: str = ""
    seen: list[tuple[str, str, str]] = field(default_factory=list)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    state = Registry()

    class Handler(BaseHTTPRequestHandler):
        def answer(self, body: bytes, **headers: str) -> None:
            state.seen.append((self.command, self.path, self.headers.get("Authorization", "")))
            self.send_response(200 if self.path.startswith("/token") else state.status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.answer(b'{"token": "secret"}')

        def do_HEAD(self) -> None:
            wants = {"WWW_Authenticate": f'Bearer realm="{state.url}/token",service="s"'}
            self.answer(b"", Docker_Content_Digest=DIGEST, **(wants if state.bearer else {}))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(pins, "TOKEN", state.url + "/token")
    monkeypatch.setattr(pins, "MANIFESTS", state.url + "/v2/{repository}/manifests/{tag}")
    monkeypatch.setattr(registry_manifest, "DOCKER_HUB", state.url)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("versions", "major", "version"),
    [
        (["1.9.0", "1.10.0", "1.2.0"], "", "1.10.0"),
        (["20.1.0", "22.0.0", "20.9.9"], "20", "20.9.9"),
        (["2.0.0", "2.1.0-rc.1", "2.1.0-next.4", "3.0.0-beta.0"], "", "2.0.0"),
        (["2.0.0", "22.0.0"], "2", "2.0.0"),
    ],
)
def test_the_newest_release_of_a_major(versions: list[str], major: str, version: str) -> None:
    assert newest(versions, major) == version


def test_a_tags_digest_is_asked_of_the_registry(registry: Registry) -> None:
    assert digest("docker.io/library/node:24-slim") == DIGEST
    (_, token, _), manifest = registry.seen
    assert "scope=repository%3Alibrary%2Fnode%3Apull" in token
    assert manifest == ("HEAD", "/v2/library/node/manifests/24-slim", "Bearer secret")


def test_a_registry_that_refuses_is_an_error(registry: Registry) -> None:
    registry.status = 404
    with pytest.raises(requests.HTTPError):
        digest("docker.io/library/node:24-slim")


def row(old: str = "sha256:old") -> dict[str, Any]:
    return {"debian": {"image": "docker.io/library/debian:x", "digest": old, "suite": "x"}}


def test_an_update_writes_the_new_digest_and_keeps_the_rest(
    registry: Registry, tmp_path: Path
) -> None:
    path = tmp_path / "pins.json"
    path.write_text(json.dumps(row()))
    pins.update(path)
    assert json.loads(path.read_text()) == row(DIGEST)
    assert [entry.name for entry in tmp_path.iterdir()] == ["pins.json"]


def test_a_registry_that_refuses_keeps_the_pin(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.status = 503
    path = tmp_path / "pins.json"
    path.write_text(json.dumps(row()))
    pins.update(path)
    assert json.loads(path.read_text()) == row()
    assert "docker.io/library/debian:x: digest kept" in capsys.readouterr().err


def test_registries_out_of_reach_keep_all_pins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image registry and npm's: npm itself is run, against a port where nobody listens."""
    closed = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(pins, "TOKEN", closed + "/token")
    monkeypatch.setenv("npm_config_registry", closed)
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    path = tmp_path / "pins.json"
    npm = {"npm": {"version": "11.0.0", "integrity": "sha512-old"}}
    rows = {"node24": {"image": "docker.io/library/node:24", "digest": "sha256:old", "npm": npm}}
    path.write_text(json.dumps(rows))
    pins.update(path)
    assert json.loads(path.read_text()) == rows
    warnings = capsys.readouterr().err
    assert "digest kept" in warnings
    assert "npm packages kept" in warnings


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (200, ""),
        (401, ""),
        (429, "answers 429: its rate limit is reached"),
        (404, "has no library/debian sha256:a29215f6a35e"),
        (503, "answers 503"),
    ],
)
def test_a_registry_is_asked_for_the_manifest(registry: Registry, status: int, said: str) -> None:
    registry.status = status
    found = bases.registry_fault([bases.pins.read()["debian"]])
    assert found == (said and f"{registry.url.removeprefix('http://')} {said}")
    method, path, _ = registry.seen[0]
    assert method == "HEAD"
    assert path.startswith("/v2/library/debian/manifests/sha256:")


def test_a_registry_that_wants_a_token_gets_an_anonymous_one(registry: Registry) -> None:
    registry.status, registry.bearer = 401, True
    bases.registry_fault([bases.pins.read()["debian"]])
    assert [path.partition("?")[0] for _, path, _ in registry.seen][1] == "/token"
    assert "scope=repository%3Alibrary%2Fdebian%3Apull" in registry.seen[1][1]
    assert registry.seen[2][2] == "Bearer secret"


def test_a_rate_limit_is_a_reason_for_packages(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.status = 429
    monkeypatch.setattr(without_registry, "can_make_bases", lambda: True)
    chosen = bases.choose("auto", "24")
    assert chosen.source == "packages"
    assert "rate limit" in chosen.why


def test_a_mirror_is_asked_and_used_in_place_of_the_original(
    registry: Registry, tmp_path: Path
) -> None:
    host = registry.url.removeprefix("http://")
    assert bases.registry_fault([bases.pins.read()["debian"]]) == ""
    registry.seen.clear()
    found = bases.provide(bases.choose("auto", "24", mirror=f"{host}/hub"), tmp_path, yes=False)
    assert registry.seen[0][1].startswith("/v2/hub/library/debian/manifests/sha256:")
    pinned = found.identities["debian"]
    assert pinned.startswith("docker.io/library/debian:")
    original = pinned.removeprefix("docker.io/")
    assert found.contexts["debian"] == f"docker-image://{host}/hub/{original}"


def test_a_mirror_of_the_engine_counts(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    row = bases.pins.read()["debian"]
    monkeypatch.setattr(registry_manifest, "DOCKER_HUB", "http://127.0.0.1:9")
    assert bases.registry_fault([row]) == "127.0.0.1:9 does not answer"
    engine = {"registry-mirrors": [f"{registry.url}/"]}
    monkeypatch.setattr(configuration, "of_host", lambda: engine)
    assert bases.registry_fault([row]) == ""


def test_bases_from_the_registry_are_pinned_references(registry: Registry, tmp_path: Path) -> None:
    found = bases.provide(bases.choose("registry", "24"), tmp_path, yes=False)
    assert found.source == "registry"
    assert set(found.contexts) == {"debian", "node"}
    assert all(
        found.contexts[name] == f"docker-image://{reference}" and "@sha256:" in reference
        for name, reference in found.identities.items()
    )
    assert "node:24-" in found.identities["node"]
