"""What `deploy` writes, as Compose and Podman read it; and the container that systemd starts."""

from __future__ import annotations

import json
import os
import platform
import shlex
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from scripts.backends import table as backends
from scripts.deploy import systemd_unit, write_files
from scripts.deploy.deployment import Deployment, variables_file
from scripts.docker_engine import Engine
from scripts.running import service_client, up
from scripts.shared import commands
from scripts.shared.console import wait_until
from tests import containers
from tests.debian_programs import libraries, unpack_from_testing

TABLE = backends.read()

#: Debian 12 has Compose 1.29, and a Podman without Quadlet.
on_debian = pytest.mark.skipif(
    platform.freedesktop_os_release()["ID"] != "debian", reason="the programs are Debian's"
)


def test_the_command_of_the_unit_answers_and_leaves_root(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    with containers.folder(tmp_path / "data") as data:
        os.chown(data, 0, 0)
        described = containers.describe(image["digest"], data)
        given = Deployment(
            image["digest"],
            TABLE.mode("cpu"),
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


def deployment(mode: str) -> Deployment:
    return Deployment(
        "mentator/mentator-llm-service:1.0.0",
        TABLE.mode(mode),
        "mentator",
        PurePosixPath("/srv/my models"),
        "127.0.0.1",
        8080,
        demand=mode,
    )


@on_debian
@pytest.mark.parametrize("mode", TABLE.names)
def test_compose_reads_the_file(mode: str, tmp_path: Path) -> None:
    root = unpack_from_testing("docker-compose", "docker-compose")
    program = root / "usr/libexec/docker/cli-plugins/docker-compose"
    write_files.write(tmp_path / "out", write_files.texts("compose", deployment(mode)))
    argv = [str(program), "--project-directory", str(tmp_path / "out")]
    result = commands.capture([*argv, "config", "--format", "json"])
    assert (result.code, result.err) == (0, "")
    service = json.loads(result.out)["services"]["mentator"]
    assert service["environment"] == {"MENTATOR_BACKEND": mode}
    assert service["volumes"][0]["source"] == "/srv/my models"
    (port,) = service["ports"]
    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "8080", 19777)
    passed = [word for word in TABLE.mode(mode).container.run if word.startswith("/dev/")]
    assert [each["source"] for each in service.get("devices", [])] == passed
    assert ("deploy" in service) == bool(TABLE.mode(mode).container.engine_runtime)


@on_debian
@pytest.mark.parametrize("mode", TABLE.names)
def test_podman_makes_a_unit_of_the_quadlet(mode: str, tmp_path: Path) -> None:
    root = unpack_from_testing("quadlet", "podman")
    write_files.write(tmp_path / "out", write_files.texts("quadlet", deployment(mode)))
    result = commands.capture(
        [str(root / "usr/libexec/podman/quadlet"), "-dryrun"],
        env={"QUADLET_UNIT_DIRS": str(tmp_path / "out"), **libraries(root)},
    )
    assert result.code == 0, result.err
    # A key that it does not know is only told of.
    assert "nsupported key" not in result.err
    (line,) = [line for line in result.out.splitlines() if line.startswith("ExecStart=")]
    for part in (
        *("--read-only", "--cap-drop all", "--cap-add chown", "--security-opt=no-new-privileges"),
        *("--publish 127.0.0.1:8080:19777", "docker.io/mentator/mentator-llm-service:1.0.0"),
        *(f"--device {word}" for word in TABLE.mode(mode).container.run if word[:5] == "/dev/"),
    ):
        assert part in line
    assert "/srv/my" in line


@on_debian
def test_the_programs_notice_a_fault(tmp_path: Path) -> None:
    """Their silence says something only if they speak."""
    root = unpack_from_testing("quadlet", "podman")
    (tmp_path / "bad.container").write_text(
        "[Container]\nImage=a.example/b\nReadOnlyRoot=true\n", encoding="utf-8"
    )
    result = commands.capture(
        [str(root / "usr/libexec/podman/quadlet"), "-dryrun"],
        env={"QUADLET_UNIT_DIRS": str(tmp_path), **libraries(root)},
    )
    assert "nsupported key" in result.err
