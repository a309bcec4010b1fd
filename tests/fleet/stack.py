"""The stack of deploy/swarm on nodes of this machine: images, labels, secret, deployment."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from scripts.docker_engine import Engine
from scripts.shared import commands
from tests.debian_programs import unpack
from tests.fleet.nodes import Node, wait

REPOSITORY = Path(__file__).parents[2]
STACK = REPOSITORY / "deploy" / "swarm" / "stack.yaml"
PORT = 19777
KEY = "a-key-of-a-secret"
PROXY_IMAGE = "mentator-test-fleet-proxy"
SERVICE_IMAGE = "mentator-test-fleet"

#: Debian's HAProxy in an image, with the libraries that it brings; the base gives libc.
PROXY = """\
FROM {image}
COPY bin/haproxy /usr/local/bin/haproxy
COPY lib/ /usr/local/lib/haproxy/
ENV LD_LIBRARY_PATH=/usr/local/lib/haproxy
ENTRYPOINT []
HEALTHCHECK NONE
"""


def haproxy() -> Path:
    """The folder that stands for `/` with Debian's HAProxy, which is not installed."""
    return unpack("fleet-haproxy", "haproxy", "liblua5.3-0")


def images(engine: Engine, image: str, folder: Path) -> Path:
    """An archive with the image under test and one with HAProxy, both under names of their own."""
    context = folder / "proxy"
    (context / "bin").mkdir(parents=True)
    (context / "lib").mkdir()
    program = haproxy() / "usr" / "sbin" / "haproxy"
    shutil.copy(program, context / "bin")
    for line in commands.check(["ldd", str(program)], env=_libraries()).splitlines():
        name, _, rest = line.strip().partition(" => ")
        if rest and not name.startswith(("libc.", "libm.", "libdl.", "libpthread.", "librt.")):
            shutil.copy(rest.split()[0], context / "lib" / name)
    # By a name: a digest alone is none that a Dockerfile can begin with.
    commands.check(engine.argv("tag", image, SERVICE_IMAGE))
    (context / "Dockerfile").write_text(PROXY.format(image=SERVICE_IMAGE), encoding="utf-8")
    commands.check(engine.argv("buildx", "build", "--load", "--tag", PROXY_IMAGE, str(context)))
    archive = folder / "images.tar"
    try:
        commands.check(engine.argv("save", "-o", str(archive), PROXY_IMAGE, SERVICE_IMAGE))
    finally:
        commands.capture(engine.argv("rmi", PROXY_IMAGE, SERVICE_IMAGE))
    return archive


def _libraries() -> dict[str, str]:
    return {"LD_LIBRARY_PATH": str(haproxy() / "usr" / "lib" / "x86_64-linux-gnu")}


@dataclass(frozen=True)
class Fleet:
    """A Swarm with the stack; the first node is the manager, and has the proxy."""

    nodes: Sequence[Node]

    @property
    def manager(self) -> Node:
        """The node that is asked."""
        return self.nodes[0]

    @property
    def address(self) -> str:
        """The proxy's."""
        return f"http://{self.manager.address}:{PORT}"

    def deploy(self, replicas: int, **more: str) -> None:
        """Deploy the stack, or change it; the environment is the stack file's."""
        given = {
            "MENTATOR_IMAGE": SERVICE_IMAGE,
            "MENTATOR_PROXY_IMAGE": f"{PROXY_IMAGE}:latest",
            "MENTATOR_CPU_REPLICAS": str(replicas),
            "MENTATOR_CPUS": "1",
            "MENTATOR_STOP_DRAIN": "60",
            "MENTATOR_STOP_GRACE": "80s",
            "DOCKER_HOST": f"unix://{self.manager.folder}/docker.sock",
            **more,
        }
        options = ("--detach=true", "--resolve-image", "never", "--compose-file", str(STACK))
        commands.check(["docker", "stack", "deploy", *options, "mentator"], env=given)

    def running(self, service: str = "cpu") -> list[str]:
        """The tasks of a service that run, healthy, on nodes that are there."""
        form = "{{.ID}} {{.Node}} {{.CurrentState}}"
        filters = ("--filter", "desired-state=running", "--format", form)
        rows = self.manager.docker("service", "ps", *filters, f"mentator_{service}").splitlines()
        return [row.split()[0] for row in rows if row.split()[2] == "Running"]

    def servers(self) -> int:
        """How many replicas answer through the proxy, seen by asking with many sessions."""
        seen = set()
        for number in range(24):
            answer = self.get("/v1/models", {"X-Session-Id": f"look-{number}"})
            if answer.status_code == 200:
                seen.add(answer.headers["X-Mentator-Replica"])
        return len(seen)

    def get(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        """GET through the proxy with the key."""
        sent = {"Authorization": f"Bearer {KEY}", **(headers or {})}
        return requests.get(self.address + path, headers=sent, timeout=10)

    def update_state(self) -> str:
        """What Swarm says of the update: `updating`, `completed`, `rollback_started` ..."""
        form = "{{json .UpdateStatus}}"
        text = self.manager.docker("service", "inspect", "--format", form, "mentator_cpu")
        state: str = (json.loads(text) or {}).get("State", "")
        return state


@contextmanager
def swarm(nodes: Sequence[Node], archive: Path) -> Iterator[Fleet]:
    """Make a Swarm of the nodes, and load the images; labels say what runs where."""
    fleet = Fleet(nodes)
    first = fleet.manager
    first.docker("swarm", "init", "--advertise-addr", first.address)
    # A node counts as lost after three beats that did not come.
    first.docker("swarm", "update", "--dispatcher-heartbeat", "2s")
    token = first.docker("swarm", "join-token", "--quiet", "worker").strip()
    join = ("swarm", "join", "--token", token)
    for node in nodes:
        if node is not first:
            node.docker(*join, "--advertise-addr", node.address, f"{first.address}:2377")
        node.docker("load", "--input", str(archive), timeout=300)
    for node in nodes:
        name = node.docker("info", "--format", "{{.Swarm.NodeID}}").strip()
        first.docker("node", "update", "--label-add", "mentator.class=cpu", name)
    name = first.docker("info", "--format", "{{.Swarm.NodeID}}").strip()
    first.docker("node", "update", "--label-add", "mentator.proxy=true", name)
    _secret(first)
    yield fleet


def _secret(manager: Node) -> None:
    file = manager.folder / "key"
    file.write_text(f"{KEY}\n", encoding="utf-8")
    manager.docker("secret", "create", "mentator_api_key", str(file))


def whole(fleet: Fleet, replicas: int, seconds: float) -> float:
    """Wait until so many replicas answer through the proxy; returns the seconds."""

    def done() -> bool:
        try:
            return len(fleet.running()) == replicas and fleet.servers() >= replicas
        except (requests.RequestException, KeyError):
            return False

    return wait(f"{replicas} replicas", done, seconds)
