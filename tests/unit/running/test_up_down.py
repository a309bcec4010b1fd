"""`up`, `ask`, `logs` and `down` from the shell, with a fake docker client and service."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.running import api_key, ownership
from scripts.shared import addresses
from scripts.shared.paths import REPOSITORY
from tests import checkout
from tests.containers import free_port

KEY = "secret-ключ"

#: Answers as a good engine; a file `label` stands for a container with that label.
DOCKER = """#!/bin/sh
echo "$*" >>"{state}/log"
case "$*" in
    version*) echo '{{"Client": {{"Version": "28.2.2"}}, "Server": {{"Version": "28.5.2"}}}}' ;;
    'context show') echo default ;;
    'buildx version') echo 'github.com/docker/buildx v0.29.1 x' ;;
    'container port'*) [ -e "{state}/label" ] && echo "19777/tcp -> 127.0.0.1:$MENTATOR_PORT" ;;
    'context inspect'*) echo "${{ENDPOINT:-unix:///var/run/docker.sock}}" ;;
    ps*) cat "{state}/publishes" ;;
    'container inspect --format'*) cat "{state}/label" ;;
    'container inspect'*) [ -e "{state}/label" ] ;;
    'image inspect'*) ;;
    inspect*) echo '{{"Running": true, "ExitCode": 0, "Health": {{"Status": "healthy"}}}}' ;;
    run*) echo "${{MENTATOR_API_KEY-}},${{MENTATOR_PROBE_TIMEOUT-}}" >"{state}/variables" ;;
    info*) echo '{{}}' ;;
    stop*|rm*|logs*) ;;
    *) exit 1 ;;
esac
"""


class Service(BaseHTTPRequestHandler):
    """Wants the key, says one sentence."""

    def answer(self) -> None:
        given = self.headers.get("Authorization", "")
        good = given.encode("latin-1") == f"Bearer {KEY}".encode()
        body: object = {"error": "An API key is needed."}
        if good and self.command == "GET":
            body = {"models": [{"name": "m.gguf"}]}
        elif good:
            body = {"result": {"data": "Paris."}, "duration": {"promptMsec": 1}}
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = json.dumps(body).encode()
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server6(ThreadingHTTPServer):
    """The same on IPv6."""

    address_family = socket.AF_INET6


class Scene:
    def __init__(self, root: Path, port: int) -> None:
        self.root = root
        self.data = root / "data"
        (root / "bin").mkdir()
        docker = root / "bin" / "docker"
        docker.write_text(DOCKER.format(state=root))
        docker.chmod(0o755)
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("MENTATOR_", "DOCKER_"))},
            "PATH": f"{root / 'bin'}:{os.environ['PATH']}",
            "MENTATOR_PORT": str(port),
            "MENTATOR_DATA": str(self.data),
            "MENTATOR_ENGINE_DIR": str(root / "engine"),
        }
        self.checkout = REPOSITORY

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        program = str(self.checkout / "scripts" / "command_line")
        return subprocess.run(
            [sys.executable, program, "./mentator", *words],
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def container(self, label: str) -> None:
        (self.root / "label").write_text(f"{label}\n")

    def log(self) -> str:
        return (self.root / "log").read_text()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Scene(tmp_path, server.server_port)
    server.shutdown()
    server.server_close()


@pytest.fixture
def built(scene: Scene, tmp_path: Path) -> Scene:
    """A checkout with the record of an image."""
    scene.checkout = checkout.copy(tmp_path / "checkout")
    (scene.checkout / "build").mkdir(exist_ok=True)
    record = {"digest": "sha256:1", "variant": "universal", "tags": []}
    (scene.checkout / "build" / "image.json").write_text(json.dumps(record))
    # The service holds its port already, as if this checkout had started it before.
    scene.container(f"{platform.node()}:{scene.checkout}")
    return scene


@pytest.mark.parametrize("label", ["", "box:/home/ada/mentator"])
@pytest.mark.parametrize("task", ["down", "logs", "up"])
def test_a_container_of_somebody_else_is_not_touched(scene: Scene, label: str, task: str) -> None:
    scene.container(label)
    done = scene.run(task)
    assert done.returncode == 14, done.stdout + done.stderr
    assert "The container mentator was not started by this checkout." in done.stderr
    assert (label or "no label io.mentator.checkout") in done.stderr
    assert "`./mentator down --name mentator --force`" in done.stderr
    for command in ("stop", "rm", "logs", "run", "buildx build"):
        assert f"\n{command} " not in scene.log()


def test_a_container_of_this_checkout_is_stopped(scene: Scene) -> None:
    scene.container(ownership.identity())
    assert scene.run("logs").returncode == 0
    done = scene.run("down")
    assert (done.returncode, done.stdout) == (0, "stopped\n")
    assert "\nrm --force --volumes mentator\n" in scene.log()


def test_force_takes_any_container(scene: Scene) -> None:
    scene.container("box:/home/ada/mentator")
    assert scene.run("logs", "--force").returncode == 0
    done = scene.run("down", "--force", "--name", "other")
    assert (done.returncode, done.stdout) == (0, "stopped\n")
    assert "\nrm --force --volumes other\n" in scene.log()


def test_where_there_is_no_container_down_says_so(scene: Scene) -> None:
    done = scene.run("down")
    assert (done.returncode, done.stdout) == (0, "no container mentator\n")


def test_a_variant_without_the_backend_is_refused_before_any_work(scene: Scene) -> None:
    done = scene.run("up", "--variant", "cpu", "--backend", "cuda")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "The variant cpu has no backend cuda." in done.stderr
    assert "--variant cuda" in done.stderr
    assert not (scene.root / "log").exists(), "docker was asked"


def test_only_an_address_can_be_published(scene: Scene) -> None:
    done = scene.run("up", "--host", "gpu-box.lan")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "host = 'gpu-box.lan' is a name" in done.stderr
    assert not (scene.root / "log").exists(), "docker was asked"


def test_an_address_of_another_machine_is_refused_before_a_build(scene: Scene) -> None:
    done = scene.run("up", "--host", "192.0.2.1")  # for documents only (RFC 5737)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "This machine has no address 192.0.2.1." in done.stderr
    assert "\nrun " not in scene.log()


@pytest.mark.parametrize(
    ("other", "why"), [("", "Another program has it."), ("web", "web publishes")]
)
def test_a_port_in_use_is_told_before_a_build(scene: Scene, other: str, why: str) -> None:
    (scene.root / "publishes").write_text(f"{other}\n")
    done = scene.run("up")
    assert done.returncode == 30, done.stdout + done.stderr
    assert "on 127.0.0.1 is in use." in done.stderr
    assert why in done.stderr
    for command in ("rm", "run", "buildx build"):
        assert f"\n{command} " not in scene.log()


def test_the_ports_of_another_machine_are_not_judged_by_this_one(built: Scene) -> None:
    (built.root / "label").unlink()
    done = built.run("up", MENTATOR_API_KEY=KEY, ENDPOINT="ssh://far")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("host", "published", "address"),
    [
        ("localhost", "127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]", "[::1]"),
    ],
)
def test_any_address_is_published_and_asked(
    built: Scene, host: str, published: str, address: str
) -> None:
    port = built.environment["MENTATOR_PORT"]
    server = None
    if ":" in host:
        if addresses.fault("::1", 0):
            pytest.skip("this machine has no IPv6")
        server = Server6(("::1", int(port)), Service)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    done = built.run("up", "--host", host, MENTATOR_API_KEY=KEY)
    asked = built.run("ask", "Where?", "--host", host, MENTATOR_API_KEY=KEY)
    if server:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"healthy: http://{address}:{port} " in done.stdout
    assert f"--publish {published}:{port}:19777" in built.log()
    assert asked.stdout.startswith("Paris.\n"), asked.stderr


def test_ask_takes_a_name_and_shows_brackets_in_errors(scene: Scene) -> None:
    asked = scene.run("ask", "Where?", "--host", "localhost", MENTATOR_API_KEY=KEY)
    assert asked.stdout.startswith("Paris.\n"), asked.stderr
    free = str(free_port())
    silent = scene.run("ask", "Where?", "--host", "::1", "--port", free)
    assert f"No answer from http://[::1]:{free}/state/models." in silent.stderr


def test_up_passes_the_key_on_and_shows_it_nowhere(built: Scene) -> None:
    done = built.run("up", MENTATOR_API_KEY=KEY, MENTATOR_PROBE_TIMEOUT="90")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Paris." in done.stdout
    assert (built.root / "variables").read_text() == f"{KEY},90\n"
    assert "--env MENTATOR_API_KEY --env MENTATOR_PROBE_TIMEOUT" in built.log()
    assert KEY not in built.log() + done.stdout + done.stderr


def test_up_and_ask_take_the_key_from_dotenv(built: Scene) -> None:
    (built.checkout / ".env").write_text(f"MENTATOR_API_KEY={KEY}\n", encoding="utf-8")
    done = built.run("up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (built.root / "variables").read_text() == f"{KEY},\n"
    assert "Paris." in built.run("ask", "Where?").stdout


def test_ask_takes_the_key_from_the_services_configuration(scene: Scene) -> None:
    scene.data.mkdir()
    text = f'// a comment\n{{\n    "apiKey": "{KEY}", // "apiKey": "no"\n    "x": {{}},\n}}\n'
    (scene.data / api_key.CONFIGURATION).write_text(text, encoding="utf-8")
    done = scene.run("ask", "Where?")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Paris.\n")
    wrong = scene.run("ask", "Where?", MENTATOR_API_KEY="wrong")
    assert wrong.returncode == 31, "the variable goes first, as in the service"


def test_without_a_key_it_says_where_one_comes_from(scene: Scene) -> None:
    done = scene.run("ask", "Where?")
    assert done.returncode == 31
    assert done.stderr.splitlines()[:2] == [
        "error: The service answered 401.",
        "  why:  An API key is needed.",
    ]
    assert "next: Set MENTATOR_API_KEY" in done.stderr


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("{}", None),
        ('{"apiKey": ""}', None),
        ('{"apiKey": "", "apiKeys": [{"name": "a", "key": "b"}]}', "b"),
        ('{"apiKey": "a", "apiKeys": [{"name": "a", "key": "b"}]}', "a"),
        ('{"apiKeys": [{"key": "b"}, {"key": "c", "operator": true}]}', "c"),
        ('{"apiKeys": [{"sha256": "b"}, 1, {"key": 2}]}', 2),
        ('{"apiKeys": {"key": "b"}}', None),
        ('{"apiKey": "a"}', "a"),
        ('{"apiKey": "a//b/*c*/,}"}', "a//b/*c*/,}"),
        ('{/* "apiKey": "x" */ "apiKey": "\\"a"}', '"a'),
        ('{\n// it\'s "\n"apiKey": "a", // last\n}', "a"),
        ("[1]", None),
        ("{", None),
        ("", None),
    ],
)
def test_the_key_in_a_configuration_with_comments(text: str, key: str | None) -> None:
    assert api_key.from_text(text) == key


def test_a_configuration_that_cannot_be_read_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / api_key.CONFIGURATION).mkdir()
    assert api_key.find("", tmp_path) == ""
    assert "cannot be read, so an API key in it is not known" in capsys.readouterr().err
    assert api_key.find("given", tmp_path) == "given"
