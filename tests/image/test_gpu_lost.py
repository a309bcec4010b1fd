"""A GPU that goes away, at a start or while the service runs: told, and never a CPU in silence."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from scripts.backends import variants
from scripts.docker_engine import Engine
from scripts.running import service_client
from scripts.running.container import DATA, Container
from scripts.shared import commands
from tests import containers
from tests.containers import Running
from tests.image import stand_in
from tests.image.gpu_surface import Fakes, row

NODES = "/dev/nvidia0 /dev/nvidiactl"

#: The service's exit code.
GPU_LOST = 6

#: Makes the device nodes before the entrypoint looks for them: these can be taken away again.
WITH_NODES = f"touch {NODES} && chmod 666 {NODES} && exec /opt/mentator/start-docker.sh"

#: The image's own check, sooner than every 30 s.
CHECKS = ("--health-interval=1s", "--health-retries=1")

PROMPT = {"message": {"user": "Hello"}, "durationMsec": 60_000, "options": {"maxTokens": 4}}


@pytest.fixture
def card(image: dict[str, Any], tmp_path: Path) -> Iterator[Callable[..., Container]]:
    """A container that has a stand-in card, or (`card=False`) not; on one data folder."""
    if "cuda" not in variants.find(image["variant"]).backends:
        pytest.skip("an image without CUDA")
    stand_in.put(tmp_path / "backends" / "cuda13" / "libggml-cuda.so")
    (tmp_path / "backends").chmod(0o755)
    backends = f"--volume={tmp_path}/backends:/opt/mentator/backends:ro"
    smi = Fakes(tmp_path).nvidia_smi().flags()
    with containers.folder(tmp_path / "data") as data:

        def container(*, card: bool = True) -> Container:
            shell = ("--entrypoint=sh",) if card else ()
            flags = (*CHECKS, backends, *(smi if card else ()), *shell)
            command = ("-c", WITH_NODES) if card else ()
            return containers.describe(image["digest"], data, flags=flags, command=command)

        yield container


def health(running: Running) -> tuple[str, str]:
    """The engine's judgement, and what the last check printed."""
    found = running.inspect()["State"]["Health"]
    return found["Status"], found["Log"][-1]["Output"] if found["Log"] else ""


def wait_for(what: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.5)
    return False


def test_a_device_node_that_goes_away_is_told_and_work_goes_on(
    engine: Engine, image: dict[str, Any], card: Callable[..., Container]
) -> None:
    """As after a reload of the container toolkit, which takes the nodes' rights away."""
    prompt = {**PROMPT, "model": image["model"]["name"]}
    with containers.healthy(engine, card()) as running:
        gpu = service_client.get(running.address, "/state")["gpuInfo"]
        assert gpu["devices"] == [{"name": "Stand-in Card", "totalVramMb": 8192}]
        assert (gpu["type"], gpu["lost"]) == ("cuda", None)
        running.run("rm", "/dev/nvidiactl")
        assert wait_for(lambda: "/dev/nvidiactl: it is not there any more. Work" in running.log())
        assert requests.post(f"{running.address}/prompt", json=prompt, timeout=120).ok
        assert service_client.get(running.address, "/state")["gpuInfo"]["lost"] is None
        assert health(running)[0] == "healthy"
        assert (running.data / ".backend-proof").exists()
        assert running.stop() == 0


def test_a_card_that_does_not_compute_any_more_ends_the_service_for_a_restart(
    engine: Engine, image: dict[str, Any], card: Callable[..., Container]
) -> None:
    """Docker starts a container again that has ended, but none that is unhealthy."""
    prompt = {**PROMPT, "model": image["model"]["name"]}
    with containers.healthy(engine, card()) as running:
        assert requests.post(f"{running.address}/prompt", json=prompt, timeout=120).ok
        running.run("rm", "/dev/nvidia0")
        refused = requests.post(f"{running.address}/prompt", json=prompt, timeout=30)
        assert refused.status_code in (500, 503)
        assert wait_for(lambda: not running.inspect()["State"]["Running"])
        assert running.inspect()["State"]["ExitCode"] == GPU_LOST
        why = "The GPU was lost: /dev/nvidia0: it is not there any more. The service ends"
        assert why in running.log()
        assert not (running.data / ".backend-proof").exists()


def test_a_volume_goes_from_a_card_to_none_and_back(
    engine: Engine, card: Callable[..., Container]
) -> None:
    for container, chosen, reason in (
        (card(), "cuda", "Stand-in Card"),
        (card(card=False), "cpu", "not cuda"),
        (card(), "cuda", "proven at an earlier start"),
    ):
        with containers.healthy(engine, container) as running:
            assert row(running.log(), "chosen").split()[1] == chosen
            gpu = service_client.get(running.address, "/state")["gpuInfo"]
            assert gpu["type"] == chosen
            assert reason in gpu["reason"]
            assert running.stop() == 0


def test_after_a_run_that_was_killed_the_card_is_proven_again(
    engine: Engine, card: Callable[..., Container]
) -> None:
    """A driver's library that fails aborts the process: to the next start that is a kill."""
    for end, said in (
        ("kill", "proven: Stand-in Card"),
        ("stop", "proven again: the last run was killed, or crashed"),
        ("stop", "proven at an earlier start"),
    ):
        container = card()
        with containers.healthy(engine, container) as running:
            assert said in row(running.log(), "cuda13")
            commands.check(engine.argv(end, container.name))


def test_a_proof_that_turns_out_wrong_is_forgotten(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    """The service itself finds no GPU, as after a driver that changed behind the proof's back."""
    with containers.folder(tmp_path / "data") as data:
        Path(data, "proof").write_text("cuda13|key|card|good")
        environment = {
            "MENTATOR_BACKEND_CHOICE": "cuda",
            "MENTATOR_BACKEND_REASON": "cuda: remembered",
            "MENTATOR_BACKEND_PROOF": f"{DATA}/proof",
            "GGML_BACKEND_PATH": "/nowhere/libggml-cuda.so",
        }
        flags = [f"--env={name}={value}" for name, value in environment.items()]
        argv = ["run", "--rm", f"--volume={data}:{DATA}", "--entrypoint=node", *flags]
        service = ["distjs/index.js", "--conf-docker", f"{DATA}/mentator-llm-service.conf.jsonc"]
        ended = commands.capture(engine.argv(*argv, image["digest"], *service), timeout=120)
        assert ended.code == 3, ended.err
        said = ended.out + ended.err
        assert "The cuda backend cannot be used" in said
        assert "the next start tests it again" in said
        assert not Path(data, "proof").exists()
