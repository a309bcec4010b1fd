"""The choice of the backend from start-docker.sh to the service, with a real Node on a fake system.
The decisions themselves are tested in tests/entrypoint, as pure functions."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit import system_surface
from tests.unit.system_surface import ROOT, SOMEBODY, Started, Surface, needs_root

SMI = "echo 'NVIDIA L4, 23034 MiB, 580.65.06'; echo 'NVIDIA T4, 15360 MiB, 580.65.06'"
EXPORTS = ("LLAMA_CUDA", "LLAMA_HIPBLAS", "GGML_BACKEND_PATH")
OVERRIDE, VISIBLE = "HSA_OVERRIDE_GFX_VERSION", "HIP_VISIBLE_DEVICES"

CRASH = "process.kill(process.pid, 'SIGSEGV'); await new Promise(() => setTimeout(() => 0, 9e4));"
HANG = "await new Promise(() => setInterval(() => 0, 1000));"
DEAF = "process.on('SIGTERM', () => 0);"

#: Starts a process that does not heed SIGTERM (node-llama-cpp does, to try a library).
CHILD = """
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
const deaf = spawn("sh", ["-c", "trap '' TERM; sleep 300"]);
writeFileSync(`${process.env.RECORD}/child`, `${deaf.pid}`);
"""


@pytest.fixture
def surface() -> Iterator[Surface]:
    with system_surface.fresh() as made:
        made.backend("cuda13", "cuda")
        made.backend("cuda12", "cuda")
        made.backend("rocm", "hip")
        yield made


def nvidia(surface: Surface) -> None:
    surface.tool("nvidia-smi", SMI)
    surface.file("/usr/lib64/libcuda.so.1", "ELF")


def amd(surface: Surface, *versions: int) -> None:
    """AMD cards with these target versions; without one there is no list to read."""
    surface.file("/dev/kfd")
    surface.file("/dev/dri/renderD128")
    for number, version in enumerate(versions):
        text = f"simd_count 64\ngfx_target_version {version}\n"
        surface.file(f"/sys/class/kfd/kfd/topology/nodes/{number}/properties", text, 0o444)


def exports_of(started: Started) -> dict[str, str]:
    env = started.reached().env
    told = {name: env[name] for name in EXPORTS if name in env}
    return {"choice": env["MENTATOR_BACKEND_CHOICE"], **told}


def plugin(surface: Surface, path: str) -> str:
    return str(surface.root / "opt/mentator/backends" / path)


def wait_for(what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not what() and time.monotonic() < deadline:
        time.sleep(0.01)
    return what()


def is_running(pid: str) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return "(zombie)" not in Path("/proc", pid, "status").read_text()
    except OSError:
        return False


def test_without_a_gpu_it_is_the_cpu_and_the_log_says_why(surface: Surface) -> None:
    stray = dict.fromkeys((*EXPORTS, "MENTATOR_BACKEND_CHOICE", "NODE_LLAMA_CPP_GPU"), "/stray")
    started = surface.start(env=stray)
    env = started.reached().env
    assert exports_of(started) == {"choice": "cpu"}
    assert env["MENTATOR_BACKEND_REASON"] == (
        "cpu: not cuda: no nvidia-smi, no /dev/nvidiactl, no /dev/dxg; "
        "not rocm: no /dev/kfd, no rocm-smi; not vulkan: no /dev/dri/renderD*"
    )
    assert env["MENTATOR_BACKEND_TABLE"] == str(surface.root / "opt/mentator/backends.json")
    assert (env["NODE_LLAMA_CPP_GPU"], env["NODE_LLAMA_CPP_SKIP_DOWNLOAD"]) == ("false", "true")
    assert (env["UV_THREADPOOL_SIZE"], env["GLIBC_TUNABLES"]) == ("1", "glibc.malloc.hugetlb=1")
    assert started.row("image") == "image   holds the backends cuda13, cuda12, rocm, cpu"
    assert started.row("cuda").startswith("cuda    not possible: no nvidia-smi")
    assert started.row("chosen") == "chosen  cpu"
    assert surface.probed() == []
    assert started.err == ""


def test_an_nvidia_card_is_proven_and_remembered(surface: Surface) -> None:
    nvidia(surface)
    started = surface.start()
    path = plugin(surface, "cuda13/libggml-cuda.so")
    assert exports_of(started) == {"choice": "cuda", "LLAMA_CUDA": "1", "GGML_BACKEND_PATH": path}
    assert "NVIDIA L4 (23034 MiB), NVIDIA T4 (15360 MiB), driver 580.65.06" in started.row("cuda")
    proven, device = started.row("cuda13").splitlines()
    assert proven.startswith("cuda13  proven: Some Card, 8.0 GiB, 2 tokens in ")
    assert device == "cuda13  device Some Card: 8192 MiB"
    assert started.row("chosen") == f"chosen  cuda with {path}"
    assert started.row("rocm") == "rocm    not looked at: cuda comes first"
    env = started.reached().env
    assert env["MENTATOR_BACKEND_DEVICES"] == "Some Card: 8192 MiB"
    assert env["MENTATOR_BACKEND_PROOF"] == str(surface.data / ".backend-proof")
    assert env["CUDA_CACHE_PATH"] == str(surface.data / ".cuda-cache")
    assert (surface.data / ".cuda-cache").is_dir()
    assert surface.probed() == ["cuda13"]

    surface.probe("cuda13", CRASH)  # it would not pass again
    started = surface.start()
    assert exports_of(started)["GGML_BACKEND_PATH"] == path
    assert "proven at an earlier start" in started.row("cuda13")
    assert started.reached().env["MENTATOR_BACKEND_DEVICES"] == "Some Card: 8192 MiB"
    assert surface.probed() == []
    assert not list(surface.data.glob("*.new"))

    surface.probe("cuda13", "")
    (surface.data / ".backend-proof.in-use").touch()  # by the service, which removes it at its stop
    started = surface.start()
    assert "proven again: the last run was killed, or crashed" in started.row("cuda13")
    assert surface.probed() == ["cuda13"]
    assert not (surface.data / ".backend-proof.in-use").exists()


def test_the_probe_is_told_what_the_service_is(surface: Surface) -> None:
    """A card of a family that has kernels, beside one that has none."""
    amd(surface, 90402, 110002)
    surface.file("/opt/mentator/backends/rocm/targets.txt", "gfx1100\n")
    (surface.record / "cards.json").write_text('["MI300X, 196592", "RX 7600, 8176"]')
    started = surface.start()
    path = plugin(surface, "rocm/libggml-hip.so")
    assert exports_of(started) == {
        "choice": "rocm",
        "LLAMA_HIPBLAS": "1",
        "GGML_BACKEND_PATH": path,
    }
    rows = (surface.record / "probe-env").read_text(encoding="utf-8").split("\0")[:-1]
    told = dict(row.split("=", 1) for row in rows)
    env = started.reached().env
    assert (env[OVERRIDE], env[VISIBLE]) == ("11.0.0", "1")
    for name in (OVERRIDE, VISIBLE, "GGML_BACKEND_PATH", "LLAMA_HIPBLAS", "NODE_LLAMA_CPP_GPU"):
        assert told[name] == env[name]
    called = (surface.record / "probes").read_text(encoding="utf-8")
    assert called == f"rocm cuda in {surface.app}\n"
    assert f"{OVERRIDE}=11.0.0: those for gfx1100 are used" in started.row("rocm")
    assert "without gfx942" in env["MENTATOR_BACKEND_REASON"]


def test_what_crashes_is_dropped_and_nothing_of_it_reaches_the_service(surface: Surface) -> None:
    nvidia(surface)
    amd(surface, 110002)
    surface.file("/opt/mentator/backends/rocm/targets.txt", "gfx1100\n")
    for name in ("cuda13", "cuda12", "rocm"):
        surface.probe(name, f"console.log('the words of {name}'); {CRASH}")
    started = surface.start()
    assert exports_of(started) == {"choice": "cpu"}
    env = started.reached().env
    for name in ("MENTATOR_BACKEND_DEVICES", "MENTATOR_BACKEND_PROOF", OVERRIDE, VISIBLE):
        assert name not in env
    assert surface.probed() == ["cuda13", "cuda12", "rocm"]
    for name in ("cuda13", "cuda12", "rocm"):
        assert f"{name:<7} dropped: segmentation fault" in started.row(name)
        assert f"dropped {name}: segmentation fault" in env["MENTATOR_BACKEND_REASON"]
        log = surface.data / f".backend-probe-{name}.log"
        assert f"the words of {name}" in log.read_text(encoding="utf-8")
    surface.probe("cuda12", "")
    assert exports_of(surface.start())["GGML_BACKEND_PATH"].endswith("cuda12/libggml-cuda.so")
    assert not (surface.data / ".backend-probe-cuda12.log").exists()


def test_a_demand_that_cannot_be_met_ends_the_start(surface: Surface) -> None:
    started = surface.start(env={"MENTATOR_BACKEND": "rocm"})
    assert (started.code, started.service) == (69, None)
    assert started.err == (
        "error: MENTATOR_BACKEND=rocm is not possible here.\n"
        "  why:  no /dev/kfd, no rocm-smi.\n"
        "  next: Give the container the GPU (docker run --device /dev/kfd --device /dev/dri ...), "
        "or set MENTATOR_BACKEND=auto.\n"
    )


def test_the_cpu_on_demand_looks_at_nothing(surface: Surface) -> None:
    surface.tool("nvidia-smi", 'touch "$RECORD/asked"')
    started = surface.start(env={"MENTATOR_BACKEND": "cpu"})
    assert exports_of(started) == {"choice": "cpu"}
    assert started.reached().env["MENTATOR_BACKEND_REASON"] == "cpu: MENTATOR_BACKEND=cpu"
    assert started.row("cuda") == "cuda    not looked at: MENTATOR_BACKEND=cpu"
    assert not (surface.record / "asked").exists()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MENTATOR_BACKEND", "metal", "MENTATOR_BACKEND=metal is not a backend"),
        ("MENTATOR_PROBE_TIMEOUT", "0", "MENTATOR_PROBE_TIMEOUT=0 is not a time limit"),
        ("MENTATOR_BARRIER", "on", "MENTATOR_BARRIER=on is not possible"),
    ],
)
def test_a_wrong_demand_is_refused_before_anything_is_changed(
    surface: Surface, name: str, value: str, said: str
) -> None:
    started = surface.start(env={name: value})
    assert (started.code, started.service, started.out) == (64, None, "")
    assert said in started.err
    assert not surface.models.exists()


def test_a_table_that_cannot_be_read_ends_the_start(surface: Surface) -> None:
    surface.file("/opt/mentator/backends.json", '{"modes": [')
    started = surface.start()
    assert (started.code, started.service) == (70, None)
    assert "backends.json cannot be read" in started.err


@needs_root
def test_the_groups_of_the_gpus_nodes_are_joined_by_number(surface: Surface) -> None:
    nodes = {"/dev/kfd": 992, "/dev/dri/renderD128": 992, "/dev/dri/renderD129": 44}
    for node, group in {**nodes, "/dev/nvidiactl": 0, "/dev/nvidia0": 555}.items():
        os.chown(surface.file(node, mode=0o660), 0, group)
    started = surface.start(uid=ROOT)
    service = started.reached()
    assert sorted(service.ids("Groups")) == [44, 555, 992]
    assert service.env["MENTATOR_BACKEND_CHOICE"] == "rocm"
    assert "groups 555,992,44" in started.row("user")


@needs_root
def test_a_refused_node_names_its_group_by_number(surface: Surface) -> None:
    amd(surface, 110000)
    kfd = surface.root / "dev/kfd"
    os.chown(kfd, 0, 992)
    kfd.chmod(0o660)
    refused = f"/dev/kfd is there, but uid {SOMEBODY} may not read and write it: "
    assert f"{refused}docker run --group-add 992" in surface.start().row("rocm")
    os.chown(kfd, 0, 0)
    assert "a group of its own" in surface.start().row("rocm")


@pytest.mark.parametrize("node", ["/dev/kfd", "/dev/dri/renderD128"])
@pytest.mark.parametrize("mode", [0o000, 0o444])
def test_a_node_that_this_user_may_not_write_is_refused(
    surface: Surface, node: str, mode: int
) -> None:
    amd(surface, 110000)
    (surface.root / node.lstrip("/")).chmod(mode)
    started = surface.start()
    assert exports_of(started) == {"choice": "cpu"}
    assert f"{node} is there, but uid {SOMEBODY} may not read and write it" in started.row("rocm")
    assert surface.probed() == []


@pytest.mark.parametrize("end", ["process.exit(1);", HANG, DEAF + HANG])
def test_nothing_of_a_dropped_candidate_continues(surface: Surface, end: str) -> None:
    amd(surface)
    surface.probe("rocm", CHILD + end)
    before = time.monotonic()
    started = surface.start(env={"MENTATOR_PROBE_TIMEOUT": "1"})
    assert time.monotonic() - before < 10
    assert exports_of(started) == {"choice": "cpu"}
    if end != "process.exit(1);":
        assert "no answer within 1 s (MENTATOR_PROBE_TIMEOUT)" in started.row("rocm")
    child = (surface.record / "child").read_text()
    assert wait_for(lambda: not is_running(child))


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_while_it_probes_ends_all(surface: Surface, sent: signal.Signals, code: int) -> None:
    amd(surface)
    surface.probe("rocm", CHILD + DEAF + HANG)
    child = surface.record / "child"
    process = surface.popen()
    assert wait_for(lambda: child.exists() and child.read_text() != "")
    before = time.monotonic()
    stopped = surface.stop_once(process, sent)
    assert time.monotonic() - before < 3
    assert (stopped.code, stopped.service) == (code, None)
    assert wait_for(lambda: not is_running(child.read_text()))


def test_a_stop_while_a_vendors_tool_hangs_ends_it(surface: Surface) -> None:
    surface.tool("nvidia-smi", """trap '' TERM; echo $$ >"$RECORD/child"; sleep 300""")
    child = surface.record / "child"
    process = surface.popen()
    assert wait_for(lambda: child.exists() and child.read_text() != "")
    stopped = surface.stop_once(process, signal.SIGTERM)
    assert (stopped.code, stopped.service) == (143, None)
    assert wait_for(lambda: not is_running(child.read_text().strip()))


def test_another_application_is_served_in_the_same_way(surface: Surface) -> None:
    """CommonJS, in which a plain getLlama() takes the choice from its environment."""
    surface.file("/opt/mentator-llm-service/package.json", "{}")
    surface.file(
        "/opt/mentator-llm-service/distjs/index.js",
        "console.log(require('path').basename(__filename), process.env.NODE_LLAMA_CPP_GPU);",
    )
    nvidia(surface)
    assert surface.start().out.endswith("\nindex.js cuda\n")
