"""The servers that are measured: the image with its own settings, and `llama-server`."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from scripts.docker_engine import Engine
from scripts.running import container as run
from scripts.shared import commands
from scripts.shared.errors import ContainerFailed
from tests.bench import peers
from tests.containers import OWNER, free_port

#: Seconds that a server may take to load its model on a busy machine.
READY_WITHIN = 180.0

#: Tokens of one slot, the same for all servers.
CONTEXT = 4096


@dataclass(frozen=True)
class Server:
    """A running server: its container's name, its address, and the name of its model."""

    name: str
    address: str
    model: str


@contextmanager
def service(
    docker: Engine, digest: str, model: Path, slots: int, flags: Sequence[str] = ()
) -> Iterator[Server]:
    """The image, serving `model` with `slots` slots."""
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        (data / "models").mkdir(parents=True)
        shutil.copyfile(model, data / "models" / model.name)
        _configure(data, {"slots": slots, "contextSize": CONTEXT})
        container = run.Container(
            digest, f"mentator-bench-{uuid.uuid4().hex[:8]}", str(data), port=free_port(),
            flags=("--label", f"{OWNER}={os.getpid()}", *flags),
        )  # fmt: skip
        with _running(docker, container.name, run.run_argv(container)):
            server = Server(container.name, f"http://127.0.0.1:{container.port}", model.name)
            _until_ready(server.address)
            try:
                yield server
            finally:
                # The container's user owns these files: only root can delete them.
                wipe = ["rm", "-rf", run.DATA + "/logs", run.DATA + "/models"]
                commands.capture(docker.argv("exec", "--user", "0", container.name, *wipe))
        commands.capture(docker.argv("run", "--rm", "--user", "0", "--entrypoint", "sh", "--volume",
                                     f"{name}:/x", digest, "-c", "rm -rf /x/data"))  # fmt: skip


@contextmanager
def llama_server(docker: Engine, model: Path, slots: int) -> Iterator[Server]:
    """llama.cpp's own server with the same libraries, threads and tokens per slot."""
    name, port = f"mentator-bench-{uuid.uuid4().hex[:8]}", free_port()
    argv = ["run", "--detach", "--name", name, "--publish", f"127.0.0.1:{port}:8080"]
    argv += ["--label", f"{OWNER}={os.getpid()}"]
    argv += ["--volume", f"{model}:/model.gguf:ro", peers.IMAGE, "./llama-server"]
    argv += ["--model", "/model.gguf", "--port", "8080"]
    argv += ["--host", "0.0.0.0"]
    argv += ["--parallel", str(slots), "--ctx-size", str(slots * CONTEXT)]
    argv += ["--threads", str(peers.threads()), "--n-gpu-layers", "0"]
    with _running(docker, name, argv):
        server = Server(name, f"http://127.0.0.1:{port}", model.name)
        _until_ready(server.address, path="/health")
        yield server


def resident_memory(docker: Engine, server: Server) -> float:
    """Megabytes of memory (RSS) of the server's node process."""
    script = "for f in /proc/[0-9]*/status; do grep -h -E '^VmRSS' $f; done | sort -k2n | tail -n 1"
    out = commands.check(docker.argv("exec", server.name, "sh", "-c", script))
    return int(out.split()[1]) / 1024


def _configure(data: Path, engine: Mapping[str, int]) -> None:
    file = data / "mentator-llm-service.conf.jsonc"
    file.write_text(json.dumps({"engine": engine}), encoding="utf-8")


@contextmanager
def _running(docker: Engine, name: str, argv: Sequence[str]) -> Iterator[None]:
    commands.check(docker.argv(*argv))
    try:
        yield
    finally:
        commands.capture(docker.argv("rm", "--force", "--volumes", name))


def _until_ready(address: str, path: str = "/ready") -> None:
    end = time.monotonic() + READY_WITHIN
    while time.monotonic() < end:
        try:
            if requests.get(address + path, timeout=2).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise ContainerFailed(f"A server of the benchmark did not become ready: {address}{path}.")
