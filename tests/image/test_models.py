"""Models in the container: told apart, noticed, pulled by name, killed meanwhile, deleted."""

from __future__ import annotations

import hashlib
import os
import random
import struct
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scripts.docker_engine import Engine
from scripts.running import models, service_client
from scripts.running.service_address import Service
from scripts.shared import commands
from scripts.shared.console import wait_until
from scripts.shared.errors import AskFailed
from tests import containers
from tests.unit.gguf_files import write_model
from tests.unit.http_files import Served, serving

#: The test's machine as the container sees it.
HOST = "host.docker.internal"
REACH_HOST = ("--add-host", f"{HOST}:host-gateway")

KEY = "k"


def names(address: str) -> set[str]:
    found = service_client.get(address, "/state/models", key=KEY)
    return {row["name"] for row in found["models"]}


def soon(running: containers.Running, wanted: set[str]) -> bool:
    """Whether these are the models within the 2 s that are promised, and more on a busy machine."""
    return wait_until("models", lambda: names(running.address) == wanted, timeout=20)


def test_a_false_header_costs_nothing_and_new_files_are_there_at_once(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    with containers.folder(tmp_path / "data") as data:
        shelf = Path(data) / "models"
        shelf.mkdir()
        for folder in (data, shelf):
            os.chown(folder, 1000, 1000)
        # 325 bytes that claim 2**40 tensors and 2**50 keys.
        lies = b"GGUF" + struct.pack("<IQQ", 3, 2**40, 2**50) + bytes(301)
        (shelf / "liar.gguf").write_bytes(lies)
        (shelf / "s390x.gguf").write_bytes(b"GGUF" + struct.pack(">IQQ", 3, 1, 1) + bytes(99))
        (shelf / "._real.gguf").write_bytes(b"shadow")
        os.mkfifo(shelf / "fifo.gguf")
        write_model(shelf / "real.gguf")
        environment = ("--env", f"MENTATOR_API_KEY={KEY}", "--memory", "1g")
        container = containers.describe(image["digest"], data, flags=environment)
        with containers.healthy(engine, container) as running:
            assert soon(running, {"real.gguf"})
            log = running.log()
            for name in ("liar.gguf", "s390x.gguf", "._real.gguf", "fifo.gguf"):
                assert log.count(f"{name} is left out") == 1, log
            write_model(shelf / "later.gguf", seed=1)
            assert soon(running, {"real.gguf", "later.gguf"})
            models.remove(Service(running.address, KEY), "later")
            assert names(running.address) == {"real.gguf"}
            assert not (shelf / "later.gguf").exists()


def test_a_pull_that_is_killed_goes_on_where_it_was(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    body = write_model(tmp_path / "m.gguf", width=1024, vocabulary=4096, layers=3).read_bytes()
    served = Served(body, rate=6_000_000)
    with containers.folder(tmp_path / "data") as data, serving(served, host="0.0.0.0") as server:
        port = server.url.rpartition(":")[2]
        source = f"http://{HOST}:{port}/m.gguf#sha256={hashlib.sha256(body).hexdigest()}"
        flags = ("--env", f"MENTATOR_MODELS={source}", *REACH_HOST)
        container = containers.describe(image["digest"], data, flags=flags)
        part = Path(data) / "models" / ".downloads" / "m.gguf.part"
        done = Path(data) / "models" / "m.gguf"
        kept: list[int] = []
        with containers.healthy(engine, container) as running:
            for _ in range(4):
                aim = (kept[-1] if kept else 0) + random.randint(1, len(body) // 8)  # noqa: S311
                assert wait_until("part", partial(is_there, part, aim), timeout=60)
                commands.check(engine.argv("kill", container.name))
                # `kill` returns while the last write may still be under way.
                commands.check(engine.argv("wait", container.name))
                kept.append(size(part))
                commands.check(engine.argv("start", container.name))
            assert wait_until("model", done.exists, timeout=120), running.log()
            assert done.read_bytes() == body
            begins = [text.removeprefix("bytes=").rstrip("-") for text in served.ranges_asked()]
            # What the process had written is never asked for again.
            assert [int(begin or 0) for begin in begins] == [0, *kept], (begins, kept)


def is_there(path: Path, count: int) -> bool:
    return size(path) >= count


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_strangers_change_no_models(engine: Engine, image: dict[str, Any], tmp_path: Path) -> None:
    with containers.folder(tmp_path / "data") as data:
        container = containers.describe(image["digest"], data)
        with containers.healthy(engine, container) as running:
            service = Service(running.address)
            (model,) = service_client.get(running.address, "/state/models")["models"]
            for change, name in ((models.pull, "hf:owner/repo"), (models.remove, model["name"])):
                with pytest.raises(AskFailed) as caught:
                    change(service, name)
                assert "only with an API key" in caught.value.why
