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


def test_a_card_that_goes_away_makes_it_unhealthy_and_nothing_serves_in_its_place(
    engine: Engine, image: dict[str, Any], card: Callable[..., Container]
) -> None:
    prompt = {**PROMPT, "model": image["model"]["name"]}
    with containers.healthy(engine, card()) as running:
        gpu = service_client.get(running.address, "/state")["gpuInfo"]
        assert gpu["devices"] == [{"name": "Stand-in Card", "totalVramMb": 8192}]
        assert (gpu["type"], gpu["lost"]) == ("cuda", None)
        assert requests.post(f"{running.address}/prompt", json=prompt, timeout=120).ok
        proof = running.data / ".backend-proof"
        assert proof.exists()

        running.run("rm", "/dev/nvidia0")
        assert wait_for(lambda: health(running)[0] == "unhealthy")
        why = "The GPU was lost: /dev/nvidia0: it is not there any more. Restart the container."
        assert why in health(running)[1]
        assert why in running.log()
        refused = requests.post(f"{running.address}/prompt", json=prompt, timeout=30)
        assert refused.status_code == 503
        assert why in refused.json()["error"]
        assert "nvidia0" in service_client.get(running.address, "/state")["gpuInfo"]["lost"]
        assert not proof.exists()
        assert running.stop() == 0


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
