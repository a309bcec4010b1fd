"""The exported root file system without an engine: in a chroot with its own network."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.docker_engine import Engine
from scripts.image.export import PART
from scripts.shared import commands
from scripts.shared.paths import REPOSITORY
from tests import checkout, containers, hardware_record
from tests.image import stand_in

IMAGE = "export/test"

#: Starts the service in the chroot, sends it a prompt with the image's Node, and stops it.
SESSION = """
set -eu
ip link set lo up
"$1/run-in-chroot.sh" >"$2/log" 2>&1 &
service=$!
for _ in $(seq 120); do
    if "$1/run-in-chroot.sh" /usr/local/bin/node /opt/mentator/healthcheck.mjs 2>/dev/null; then
        break
    fi
    kill -0 "$service"
    sleep 0.5
done
"$1/run-in-chroot.sh" /usr/local/bin/node -e "$3" >"$2/answer"
kill "$service"
wait "$service"
"""

ASK = """
const message = { user: "What is the capital of France?" };
const [{ name }] = (await (await fetch("http://127.0.0.1:19777/state/models")).json()).models;
const body = JSON.stringify({ model: name, durationMsec: 120000, message });
const headers = { "content-type": "application/json" };
const answer = await fetch("http://127.0.0.1:19777/prompt", { method: "POST", headers, body });
console.log(await answer.text());
"""


@pytest.fixture(scope="module")
def exported(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that `invoke export` wrote, for the smallest variant."""
    if os.geteuid() != 0:
        pytest.skip("needs root for mount and chroot")
    folder = checkout.copy(tmp_path_factory.mktemp("exported") / "checkout")
    environment = {**os.environ, "MENTATOR_IMAGE": IMAGE, "MENTATOR_VARIANT": "cpu"}
    with containers.folder(tmp_path_factory.mktemp("exported") / "out") as output:
        for argv in (["build"], ["export", "--output", output]):
            done = subprocess.run(
                ["./mentator", *argv],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        yield Path(output)
    for tag in ("latest-cpu", "1.0.0-cpu"):
        commands.capture(engine.argv("image", "rm", f"{IMAGE}:{tag}"))


def run(exported: Path, *command: str, **environment: str) -> commands.Result:
    return commands.capture([str(exported / "run-in-chroot.sh"), *command], env=environment)


def test_export_writes_parts_checksums_and_record(exported: Path) -> None:
    parts = sorted(exported.glob("rootfs.tar.gz.*"))
    assert len(parts) > 1
    assert all(0 < path.stat().st_size <= PART for path in parts)
    commands.check(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=exported)
    record: dict[str, Any] = json.loads((exported / "image.json").read_text())
    assert record["variant"] == "cpu"
    assert "NODE_ENV=production" in (exported / "image.env").read_text().splitlines()


def test_script_fails_when_a_part_is_damaged(exported: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in exported.iterdir():
        if path.is_file():
            (broken / path.name).hardlink_to(path)
    (broken / "rootfs.tar.gz.001").unlink()
    (broken / "rootfs.tar.gz.001").write_bytes(b"half")
    done = run(broken)
    assert done.code == 1
    assert "parts are missing or damaged" in done.err
    assert not (broken / "rootfs").exists()


def test_script_fails_when_root_is_not_allowed_to_mount(exported: Path) -> None:
    argv = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"]
    done = commands.capture([*argv, str(exported / "run-in-chroot.sh"), "true"])
    assert done.code == 1
    assert "root is not allowed to mount" in done.err


def test_image_serves_in_a_chroot_and_leaves_no_mount(exported: Path, tmp_path: Path) -> None:
    done = commands.capture(
        ["unshare", "--net", "sh", "-c", SESSION, "sh", str(exported), str(tmp_path), ASK],
        env={"DATA": str(tmp_path / "data"), "MENTATOR_BACKEND": "cpu"},
        timeout=400,
    )
    log = (tmp_path / "log").read_text()
    assert done.code in (0, 143), done.err + log
    assert "MENTATOR_BACKEND=cpu" in log
    answer = json.loads((tmp_path / "answer").read_text())
    assert "Paris" in answer["result"]["data"]
    assert str(exported) not in Path("/proc/self/mounts").read_text()
    owners = {path.stat().st_uid for path in (tmp_path / "data").rglob("*")}
    assert owners == {10001}, "the service did not run as an unprivileged user"


#: The recorder in a network of its own, where nothing else has the service's port.
RECORDER = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$1/record-in-chroot.py"')


def processes_in(exported: Path) -> list[str]:
    """The processes whose root folder is the exported one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "root").readlink().is_relative_to(exported):
                found.append(process.name)
    return found


def left_by_recorder(exported: Path) -> list[object]:
    """What must not be there when it has ended: a record, a data folder, a process."""
    files = [*exported.glob("record.json"), *exported.glob("record-data-*")]
    return [*files, *processes_in(exported)]


def test_recorder_says_that_no_card_was_chosen_and_leaves_nothing(exported: Path) -> None:
    done = commands.capture([*RECORDER, "sh", str(exported)], timeout=400)
    assert done.code == 1, done.out + done.err
    assert "error: No card was chosen: cpu: not cuda: " in done.err
    assert left_by_recorder(exported) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_interrupted_recorder_ends_the_service_and_leaves_nothing(
    exported: Path, number: signal.Signals, code: int
) -> None:
    log = exported / "record-card.log"
    log.unlink(missing_ok=True)
    with subprocess.Popen([*RECORDER, "sh", str(exported)], stderr=subprocess.PIPE) as process:
        limit = time.monotonic() + 120
        while time.monotonic() < limit and not (log.exists() and "chosen" in log.read_text()):
            time.sleep(0.1)
        assert processes_in(exported) != []
        process.send_signal(number)
        process.wait(60)
    assert process.returncode == code
    assert left_by_recorder(exported) == []


def test_recorder_measures_a_card_for_the_document(exported: Path, tmp_path: Path) -> None:
    """A stand-in card: a backend that computes on the CPU, and nvidia-smi on the host's PATH."""
    tool = tmp_path / "tools" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 'NVIDIA L4, 23034 MiB, 580.65.06'\n")
    tool.chmod(0o755)
    assert run(exported, "true").code == 0  # unpacked
    backends = exported / "rootfs" / "opt" / "mentator" / "backends"
    stand_in.put(backends / "cuda13" / "libggml-cuda.so")
    backends.chmod(0o755)
    try:
        path = f"{tool.parent}:{os.environ['PATH']}"
        done = commands.capture([*RECORDER, "sh", str(exported)], env={"PATH": path}, timeout=600)
    finally:
        shutil.rmtree(backends)
    assert done.code == 0, done.out + done.err
    made = exported / "record.json"
    document = tmp_path / "hardware.md"
    shutil.copy(REPOSITORY / "docs" / "hardware.md", document)
    hardware_record.main(document, made)
    digest = json.loads((exported / "image.json").read_text())["digest"]
    assert f"| {digest.removeprefix('sha256:')[:12]} | cuda13 |" in document.read_text()
    made.unlink()
    assert left_by_recorder(exported) == []


def test_entrypoint_finds_the_nvidia_smi_of_the_host_in_the_chroot(
    exported: Path, tmp_path: Path
) -> None:
    """A fake nvidia-smi on the host's PATH: the entrypoint in the chroot runs it."""
    tool = tmp_path / "tools" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 'NVIDIA H100, 81559 MiB, 580.65.06'\n")
    tool.chmod(0o755)
    done = run(
        exported,
        "/opt/mentator/start-docker.sh",
        "--conf-use",
        "/no/such/file",
        PATH=f"{tool.parent}:{os.environ['PATH']}",
        DATA=str(tmp_path / "data"),
    )
    assert "NVIDIA H100 (81559 MiB), driver 580.65.06" in done.out
    assert "this image holds no cuda backend" in done.out
