"""Time from start to first answer: `docker run`, against Node on the host, same files."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from scripts.docker_engine import Engine
from scripts.running import container as run
from scripts.running import service_client
from scripts.shared import commands
from scripts.shared.errors import ContainerFailed
from scripts.shared.node_tools import node_argv
from tests.bench.ratio import Ratio, seconds

NAME = "mentator-bench"
PORT = 19779

#: Seconds between two requests; small compared to the measured time.
INTERVAL = 0.01


def time_to_healthy(docker: Engine, digest: str, runs: int = 5) -> tuple[Ratio, list[float]]:
    """Both with a data folder that was used before; also the entrypoint's part in ms."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        container = run.Container(digest, NAME, str(folder / "data"), port=PORT)
        app = _extract(docker, digest, folder)
        conf = _configuration(folder)
        ours, peer, entrypoint = [], [], []
        for number in range(runs + 1):  # the first run fills the data folder and the caches
            figure, own = _container(docker, container)
            other = _host(app, conf)
            if number:
                ours.append(figure)
                peer.append(other)
                entrypoint.append(own)
        commands.capture(docker.argv("run", "--rm", "--entrypoint", "sh", "--volume",
                                     f"{folder}:/x", digest, "-c", "rm -rf /x/data"))  # fmt: skip
    return Ratio("docker run to healthy", "node on the host", ours, peer, "s", 1.3), entrypoint


def empty_runs(docker: Engine, digest: str, runs: int = 5) -> list[float]:
    """Seconds that the engine itself takes: the same image, started with `true`."""
    argv = docker.argv("run", "--rm", "--entrypoint", "true", digest)
    return [seconds(lambda: commands.check(argv)) for _ in range(runs)]


def _container(docker: Engine, container: run.Container) -> tuple[float, float]:
    Path(container.volume).mkdir(exist_ok=True)
    began = time.monotonic()
    commands.check(docker.argv(*run.run_argv(container)))
    try:
        took = _until_answer(began, f"http://127.0.0.1:{PORT}", lambda: True)
        log = commands.check(docker.argv("logs", container.name))
    finally:
        commands.check(docker.argv("rm", "--force", container.name))
    own = re.search(r"(\d+) ms", log)
    return took, float(own[1]) if own else float("nan")


def _host(app: Path, conf: Path) -> float:
    began = time.monotonic()
    argv = [*node_argv(), "distjs/index.js", "--conf-use", str(conf)]
    child = subprocess.Popen(argv, cwd=app, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return _until_answer(began, f"http://127.0.0.1:{PORT}", lambda: child.poll() is None)
    finally:
        commands.stop(child)


def _until_answer(began: float, address: str, alive: Callable[[], bool]) -> float:
    while not service_client.answers(address):
        if not alive() or time.monotonic() - began > 60:
            raise ContainerFailed("The service did not answer in the benchmark.")
        time.sleep(INTERVAL)
    return time.monotonic() - began


def _extract(docker: Engine, digest: str, folder: Path) -> Path:
    """Copy the application out of the image: Node on the host runs the same files."""
    holder = replace(run.Container(digest, f"{NAME}-files", ""))
    commands.check(docker.argv("create", "--name", holder.name, digest))
    try:
        source = f"{holder.name}:/opt/mentator-llm-service"
        commands.check(docker.argv("cp", source, str(folder / "app")))
    finally:
        commands.check(docker.argv("rm", "--volumes", holder.name))
    return folder / "app"


def _configuration(folder: Path) -> Path:
    conf, models = folder / "conf.jsonc", folder / "app" / "default-models"
    conf.write_text(
        f'{{"port": {PORT}, "modelDir": "{models}", "dbFile": "{folder / "host.db"}"}}',
        encoding="utf-8",
    )
    return conf
