"""The container that the systemd unit starts: with the least rights, and the data of its user."""

from __future__ import annotations

import os
import shlex
from pathlib import Path, PurePosixPath
from typing import Any

from scripts.backends import table as backends
from scripts.deploy import systemd_unit
from scripts.deploy.deployment import Deployment, variables_file
from scripts.docker_engine import Engine
from scripts.running import service_client, up
from scripts.shared import commands
from scripts.shared.console import wait_until
from tests import containers


def test_the_command_of_the_unit_answers_and_leaves_root(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    with containers.folder(tmp_path / "data") as data:
        os.chown(data, 0, 0)
        described = containers.describe(image["digest"], data)
        given = Deployment(
            image["digest"],
            backends.read().mode("cpu"),
            described.name,
            PurePosixPath(data),
            "127.0.0.1",
            described.port,
            variables={"MENTATOR_API_KEY": "k-1"},
        )
        variables = tmp_path / "mentator.env"
        variables.write_text(variables_file(given), encoding="utf-8")
        unit = systemd_unit.unit(given).replace("/etc/mentator/mentator.env", str(variables))
        (line,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
        _, run, *words = shlex.split(line)
        # In the background, and with the mark of a test's container.
        words = [run, "--detach", "--label", f"{containers.OWNER}={os.getpid()}", *words[1:]]
        running = containers.Running(engine, described)
        try:
            commands.check(engine.argv(*words))
            address = running.address
            assert wait_until("", lambda: up.healthy(engine, described.name), timeout=120)
            assert service_client.get(address, "/state/models", key="k-1")["models"]
            status = running.run("cat", "/proc/1/status").splitlines()
            lines = dict(each.split(":\t", 1) for each in status if ":\t" in each)
            assert lines["Uid"].split() == ["10001"] * 4
            assert int(lines["CapEff"], 16) == 0
            assert lines["NoNewPrivs"] == "1"
            assert running.inspect()["HostConfig"]["ReadonlyRootfs"] is True
        finally:
            running.remove()
        assert {path.stat().st_uid for path in Path(data).rglob("*")} == {10001}
