"""docker/start-docker.sh: candidates are proven by a child process, dropped with a reason, and a
good result is remembered. The probe's words are those that CUDA, HIP, ggml and Node have."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.unit import system_surface
from tests.unit.system_surface import Started, Surface

SMI = "echo 'NVIDIA L4, 23034 MiB, 580.65.06'"
REFUSED = "echo 'reason: Error: NoBinaryFoundError'; exit 1"


@pytest.fixture
def surface() -> Iterator[Surface]:
    with system_surface.fresh() as made:
        made.backend("cuda13", "cuda")
        made.backend("cuda12", "cuda")
        made.backend("rocm", "hip")
        yield made


def nvidia(surface: Surface, smi: str = SMI) -> None:
    surface.tool("nvidia-smi", smi)
    surface.file("/usr/lib64/libcuda.so.1", "ELF")


def amd(surface: Surface) -> None:
    surface.file("/dev/kfd")
    surface.file("/dev/dri/renderD128")


def chosen(started: Started) -> str:
    """The folder of the backend that the service is told."""
    path = started.reached().env.get("GGML_BACKEND_PATH", "cpu")
    return path.split("/")[-2] if "/" in path else path


def reason(started: Started) -> str:
    return started.reached().env["MENTATOR_BACKEND_REASON"]


# ---- order


def test_without_a_gpu_nothing_is_probed(surface: Surface) -> None:
    assert chosen(surface.start()) == "cpu"
    assert surface.probed() == []


def test_the_first_that_is_proven_is_taken(surface: Surface) -> None:
    nvidia(surface)
    amd(surface)
    started = surface.start()
    assert chosen(started) == "cuda13"
    assert surface.probed() == ["cuda13"]
    assert "proven: Some Card, 8.0 GiB, 2 tokens in 300 ms" in started.row("cuda13")


def test_each_that_is_dropped_makes_room_for_the_next(surface: Surface) -> None:
    nvidia(surface)
    amd(surface)
    order = ["cuda13", "cuda12", "rocm", "cpu"]
    for index, folder in enumerate(order):
        started = surface.start()
        assert chosen(started) == folder
        assert surface.probed() == [name for name in order[: index + 1] if name != "cpu"]
        for dropped in order[:index]:
            assert f"dropped {dropped}: segmentation fault" in reason(started)
            assert "dropped: segmentation fault" in started.row(dropped)
        surface.probe(folder, "exit 139")
        (surface.data / ".backend-proof").unlink(missing_ok=True)


def test_a_candidate_that_the_image_lacks_is_told(surface: Surface) -> None:
    surface.backend("cuda13", "cuda", text="")
    nvidia(surface)
    started = surface.start()
    assert chosen(started) == "cuda12"
    assert "dropped cuda13: it is not in this image" in reason(started)
    assert surface.probed() == ["cuda12"]


def test_the_probe_is_told_what_the_service_is(surface: Surface) -> None:
    amd(surface)
    started = surface.start()
    rows = (surface.record / "probe-env").read_text(encoding="utf-8").split("\0")
    path = started.reached().env["GGML_BACKEND_PATH"]
    assert f"GGML_BACKEND_PATH={path}" in rows
    called = (surface.record / "probes").read_text(encoding="utf-8")
    model = surface.root / "opt/mentator/tiny-model.gguf"
    assert called == f"rocm rocm {model} in {surface.app}\n"


# ---- cards


def test_all_cards_are_listed_with_their_memory(surface: Surface) -> None:
    nvidia(
        surface, "echo 'NVIDIA L4, 23034 MiB, 580.65.06'; echo 'NVIDIA T4, 15360 MiB, 580.65.06'"
    )
    two = "echo '  Device {}: NVIDIA {}, compute capability 8.9, VMM: yes, VRAM: {} MiB'"
    lines = [two.format(0, "L4", 22563), two.format(0, "L4", 22563), two.format(1, "T4", 14912)]
    result = """echo '{"summary":"NVIDIA L4, NVIDIA T4"}'; exit 0"""
    surface.probe("cuda13", "\n".join([*lines, result]))
    started = surface.start()
    assert "NVIDIA L4 (23034 MiB), NVIDIA T4 (15360 MiB), driver 580.65.06" in started.row("cuda")
    assert started.row("cuda13").splitlines()[1:] == [
        "cuda13  device NVIDIA L4: 22563 MiB",
        "cuda13  device NVIDIA T4: 14912 MiB",
    ]
    assert (
        started.reached().env["MENTATOR_BACKEND_DEVICES"]
        == "NVIDIA L4: 22563 MiB; NVIDIA T4: 14912 MiB"
    )


def test_kernels_that_the_driver_compiles_are_kept_with_the_data(surface: Surface) -> None:
    nvidia(surface)
    cache = surface.data / ".cuda-cache"
    assert surface.start().reached().env["CUDA_CACHE_PATH"] == str(cache)
    assert cache.is_dir()
    assert surface.start(env={"CUDA_CACHE_PATH": "/x"}).reached().env["CUDA_CACHE_PATH"] == "/x"


# ---- reasons

#: What a probe prints, and how it ends; the reason that it is dropped for; what is advised.
FAULTS = {
    "a driver too old for the PTX": (
        "echo 'CUDA error: the provided PTX was compiled with an unsupported toolchain.'; exit 134",
        "the driver is too old for it (the provided PTX was compiled with an unsupported "
        "toolchain.; it aborted)",
        "Update the NVIDIA driver",
    ),
    "a driver too old for the runtime": (
        "echo 'ggml_cuda_init: failed to initialize CUDA: CUDA driver version is insufficient for "
        f"CUDA runtime version'; {REFUSED}",
        "the driver is too old for it (failed to initialize CUDA: CUDA driver version is",
        "Update the NVIDIA driver",
    ),
    "no kernel": (
        "echo 'ggml_cuda_compute_forward: RMS_NORM failed'\n"
        "echo 'CUDA error: no kernel image is available for execution on the device'; exit 134",
        "it has no kernel for this card (no kernel image is available for execution on the device",
        "--cuda-archs",
    ),
    "no device": (
        "echo 'ggml_cuda_init: failed to initialize CUDA: no CUDA-capable device is detected'\n"
        f"echo 'Error: Binary GPU type mismatch. Expected: cuda, got: false.'; {REFUSED}",
        "it finds no device (failed to initialize CUDA: no CUDA-capable device is detected)",
        "docker run --gpus all",
    ),
    "no device, and no word about it": (
        f"echo 'Error: Binary GPU type mismatch. Expected: cuda, got: false.'; {REFUSED}",
        "it finds no device",
        "docker run --gpus all",
    ),
    "an unknown fault of the driver": (
        "echo 'ggml_cuda_init: failed to initialize CUDA: unknown error'\n"
        f"echo 'Error: Binary GPU type mismatch. Expected: cuda, got: false.'; {REFUSED}",
        "it finds no device (failed to initialize CUDA: unknown error)",
        "docker run --gpus all",
    ),
    "a driver that was updated under the kernel's": (
        "echo 'ggml_cuda_init: failed to initialize CUDA: system has unsupported display driver / "
        f"cuda driver combination'; {REFUSED}",
        "the parts of the driver do not fit each other (failed to initialize CUDA: system has",
        "Restart the host",
    ),
    "switches without their manager": (
        f"echo 'CUDA error: system not yet initialized'; {REFUSED}",
        "the machine's GPU switches are not ready",
        "nvidia-fabricmanager",
    ),
    "no memory": (
        "echo 'CUDA error: out of memory'; exit 134",
        "the card has no memory left (out of memory; it aborted)",
        "Stop what else uses the card",
    ),
    "no driver library": (
        "echo 'load_backend: failed to load /opt/mentator/backends/cuda13/libggml-cuda.so: "
        "libcuda.so.1: cannot open shared object file: No such file or directory'; " + REFUSED,
        "the driver's library libcuda.so.1 is not in the container",
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
    ),
    "a missing library": (
        "echo 'load_backend: failed to load /opt/mentator/backends/cuda13/libggml-cuda.so: "
        "libcublas.so.13: cannot open shared object file: No such file or directory'; " + REFUSED,
        "a library is missing in the image (libcublas.so.13: cannot open shared object file)",
        "Build the image anew",
    ),
    "a library that does not fit": (
        "echo 'load_backend: failed to load /opt/mentator/backends/cuda13/libggml-cuda.so: "
        f"/x/libggml-cuda.so: undefined symbol: ggml_new'; {REFUSED}",
        "it does not fit the libraries here",
        "Build the image anew",
    ),
    "a damaged file": (
        "echo 'load_backend: failed to load /opt/mentator/backends/cuda13/libggml-cuda.so: "
        f"/opt/x.so: file too short'; {REFUSED}",
        "its file is damaged (/opt/x.so: file too short)",
        "anew",
    ),
    "another version of the API": (
        "echo 'load_backend: failed to initialize backend from /x/libggml-cuda.so: incompatible "
        f"API version (backend: 1, current: 2)'; {REFUSED}",
        "it was compiled for another version of llama.cpp (API version (backend: 1, current: 2))",
        "of one version",
    ),
    "no backend at all": (
        "echo 'load_backend: failed to find ggml_backend_init in /x/libggml-cuda.so'; " + REFUSED,
        "it is not a backend of ggml (failed to find ggml_backend_init)",
        "Build the image anew",
    ),
    "a crash": ("exit 139", "segmentation fault", "docker run --gpus all"),
    "an abort": ("exit 134", "it aborted", "docker run --gpus all"),
    "an assertion": (
        "echo '/ggml-backend.cpp:606: GGML_ASSERT(device) failed'; exit 134",
        "GGML_ASSERT(device) failed; it aborted",
        "docker run --gpus all",
    ),
    "a processor too old": ("exit 132", "illegal instruction", "docker run --gpus all"),
    "a bus error": ("exit 135", "bus error", "docker run --gpus all"),
    "a division by zero": ("exit 136", "arithmetic fault", "docker run --gpus all"),
    "a kill by the kernel": ("exit 137", "it was killed: is the memory limit", "--gpus all"),
    "a probe that says why": (
        "echo 'reason: 0 of 3 layers went to the GPU'; exit 1",
        "0 of 3 layers went to the GPU",
        "docker run --gpus all",
    ),
    "a probe that says nothing": ("exit 1", "it could not be loaded", "--gpus all"),
    "a probe that ends early": ("exit 0", "the probe ended without a result", "--gpus all"),
    "a code of its own": ("exit 3", "the probe ended with code 3", "--gpus all"),
    "no Node": ("exit 127", "the probe cannot be run", "--gpus all"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_dropped_candidate_names_its_reason(surface: Surface, fault: str) -> None:
    body, why, advice = FAULTS[fault]
    nvidia(surface)
    (surface.root / "proc").symlink_to("/proc")
    surface.probe("cuda13", body)
    surface.probe("cuda12", body)
    started = surface.start()
    assert chosen(started) == "cpu"
    assert why in started.row("cuda13")
    assert why in reason(started)
    assert "\n" not in reason(started)
    forced = surface.start(env={"MENTATOR_BACKEND": "cuda"})
    assert (forced.code, forced.service) == (69, None)
    assert f"dropped cuda13: {why}" in forced.err
    assert f"dropped cuda12: {why}" in forced.err
    assert advice in forced.err


AMD_FAULTS = {
    "no kernel": (
        "echo 'ROCm error: invalid device function'; exit 134",
        "it has no kernel for this card (invalid device function; it aborted)",
        "--rocm-targets",
    ),
    "no kernel of rocBLAS": (
        "echo 'rocBLAS error: Cannot read /x/TensileLibrary.dat: Illegal seek for GPU arch : "
        "gfx1103'; exit 134",
        "it has no kernel for this card (Cannot read /x/TensileLibrary.dat",
        "--rocm-targets",
    ),
    "no permission": (
        "echo 'Unable to open /dev/kfd read-write: Permission denied'\n"
        "echo 'ggml_cuda_init: failed to initialize ROCm: no ROCm-capable device is detected'\n"
        + REFUSED,
        "the GPU's device nodes may not be opened",
        "--group-add",
    ),
    "no device": (
        "echo 'ggml_cuda_init: failed to initialize ROCm: no ROCm-capable device is detected'\n"
        + REFUSED,
        "it finds no device (failed to initialize ROCm: no ROCm-capable device is detected)",
        "--device /dev/kfd",
    ),
    "a driver too old": (
        "echo 'ROCm error: HIP driver version is insufficient for HIP runtime version'; exit 134",
        "the driver is too old for it",
        "amdgpu driver",
    ),
}


@pytest.mark.parametrize("fault", AMD_FAULTS)
def test_a_dropped_amd_backend_names_its_reason(surface: Surface, fault: str) -> None:
    body, why, advice = AMD_FAULTS[fault]
    amd(surface)
    surface.probe("rocm", body)
    started = surface.start()
    assert chosen(started) == "cpu"
    assert why in started.row("rocm")
    assert why in reason(started)
    forced = surface.start(env={"MENTATOR_BACKEND": "rocm"})
    assert (forced.code, forced.service) == (69, None)
    assert f"dropped rocm: {why}" in forced.err
    assert advice in forced.err


def test_what_a_dropped_candidate_said_is_kept_for_the_curious(surface: Surface) -> None:
    nvidia(surface)
    surface.probe("cuda13", "echo 'a word of the driver'; exit 139")
    surface.start()
    log = surface.data / ".backend-probe-cuda13.log"
    assert log.read_text(encoding="utf-8") == "a word of the driver\n"
    surface.probe("cuda13", "")
    surface.start()
    assert not log.exists()


# ---- the time limit


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("sleep 30", "no answer within 1 s (MENTATOR_PROBE_TIMEOUT)"),
        ("trap '' TERM; sleep 30", "no answer within 1 s (MENTATOR_PROBE_TIMEOUT), and it had to"),
    ],
)
def test_a_candidate_that_hangs_is_dropped(surface: Surface, body: str, said: str) -> None:
    amd(surface)
    (surface.root / "proc").symlink_to("/proc")
    surface.probe("rocm", body)
    before = time.monotonic()
    started = surface.start(env={"MENTATOR_PROBE_TIMEOUT": "1"})
    assert time.monotonic() - before < 10
    assert chosen(started) == "cpu"
    assert said in started.row("rocm")


#: Starts a process that heeds no SIGTERM (node-llama-cpp does, to try a library); notes its number.
DEAF_CHILD = """sh -c "trap '' TERM; sleep 300" & echo $! >"$RECORD/deaf"; """


@pytest.mark.parametrize("end", ["exit 1", "sleep 30", "trap '' TERM; sleep 30"])
def test_nothing_of_a_dropped_candidate_goes_on(surface: Surface, end: str) -> None:
    amd(surface)
    (surface.root / "proc").symlink_to("/proc")
    surface.probe("rocm", DEAF_CHILD + end)
    assert chosen(surface.start(env={"MENTATOR_PROBE_TIMEOUT": "1"})) == "cpu"
    deaf = Path("/proc", (surface.record / "deaf").read_text().strip())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and running(deaf):
        time.sleep(0.01)
    assert not running(deaf)


def running(process: Path) -> bool:
    """Whether a process (/proc/NUMBER) is there and no zombie."""
    try:
        return "(zombie)" not in (process / "status").read_text()
    except OSError:
        return False


def test_a_minute_is_the_default(surface: Surface) -> None:
    amd(surface)
    real = os.path.realpath("/usr/bin/timeout")
    surface.tool("timeout", f'echo "$*" >>"$RECORD/limits"\nexec {real} "$@"')
    surface.start()
    limits = (surface.record / "limits").read_text(encoding="utf-8")
    assert limits.startswith(f"-k 2 60 node {surface.root}/opt/mentator/probe.mjs rocm ")


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "a minute", "10s", "99999"])
def test_a_limit_that_is_none_is_refused(surface: Surface, limit: str) -> None:
    started = surface.start(env={"MENTATOR_PROBE_TIMEOUT": limit})
    assert (started.code, started.service) == (64, None)
    assert f"MENTATOR_PROBE_TIMEOUT={limit} is no time limit" in started.err


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_while_it_probes_is_heeded(
    surface: Surface, sent: signal.Signals, code: int
) -> None:
    amd(surface)
    surface.probe("rocm", 'echo $$ >"$RECORD/pid"; exec sleep 30')
    process = surface.popen()
    pid = surface.record / "pid"
    deadline = time.monotonic() + 10
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    before = time.monotonic()
    stopped = surface.stop_once(process, sent)
    assert time.monotonic() - before < 3
    assert (stopped.code, stopped.service) == (code, None)
    probe = Path(f"/proc/{int(pid.read_text())}")
    while time.monotonic() < deadline and running(probe):
        time.sleep(0.01)
    assert not running(probe)


# ---- memory


def prove_once(surface: Surface) -> None:
    assert chosen(surface.start()) == "cuda13"
    assert surface.probed() == ["cuda13"]


def test_a_good_result_is_remembered(surface: Surface) -> None:
    nvidia(surface)
    prove_once(surface)
    surface.probe("cuda13", "exit 139")  # it would not pass again
    started = surface.start()
    assert chosen(started) == "cuda13"
    assert surface.probed() == []
    assert "proven at an earlier start" in reason(started)
    assert started.reached().env["MENTATOR_BACKEND_DEVICES"] == "Some Card: 8192 MiB"
    proof = started.reached().env["MENTATOR_BACKEND_PROOF"]
    assert proof == str(surface.data / ".backend-proof")
    assert not list(surface.data.glob("*.new"))


def test_after_a_run_that_ended_in_no_order_it_is_proven_anew(surface: Surface) -> None:
    nvidia(surface)
    prove_once(surface)
    in_use = surface.data / ".backend-proof.in-use"
    in_use.touch()  # by the service, which removes it when it stops
    started = surface.start()
    assert chosen(started) == "cuda13"
    assert surface.probed() == ["cuda13"]
    assert "proven anew: the last run was killed, or crashed" in started.row("cuda13")
    assert not in_use.exists()


def test_a_failure_is_not_remembered(surface: Surface) -> None:
    nvidia(surface)
    surface.probe("cuda13", "exit 139")
    assert chosen(surface.start()) == "cuda12"
    surface.probe("cuda13", "")
    assert chosen(surface.start()) == "cuda13"
    assert surface.probed() == ["cuda13", "cuda12", "cuda13"]


def test_each_candidate_has_a_proof_of_its_own(surface: Surface) -> None:
    nvidia(surface)
    amd(surface)
    prove_once(surface)
    rocm = {"MENTATOR_BACKEND": "rocm"}
    assert chosen(surface.start(env=rocm)) == "rocm"
    assert surface.probed() == ["rocm"]
    assert chosen(surface.start(env=rocm)) == "rocm"
    assert chosen(surface.start()) == "cuda13"
    assert surface.probed() == []


def test_a_proof_outlasts_a_start_without_the_card(surface: Surface) -> None:
    """NVIDIA, then the CPU, then NVIDIA again, on one volume."""
    nvidia(surface)
    prove_once(surface)
    surface.tool("nvidia-smi", "exit 9")
    assert chosen(surface.start()) == "cpu"
    nvidia(surface)
    assert chosen(surface.start()) == "cuda13"
    assert surface.probed() == []


NVIDIA_CHANGES: Mapping[str, Callable[[Surface], object]] = {
    "another driver": lambda surface: nvidia(surface, "echo 'NVIDIA L4, 23034 MiB, 590.10'"),
    "another card": lambda surface: nvidia(surface, "echo 'NVIDIA T4, 15360 MiB, 580.65.06'"),
    "one card more": lambda surface: nvidia(surface, f"{SMI}; {SMI}"),
    "another kernel module": lambda surface: surface.file("/proc/driver/nvidia/version", "590"),
    "another image": lambda surface: surface.backend("cuda13", "cuda", "ELF two"),
    "another build": lambda surface: surface.file("/opt/mentator/build-id", "two"),
    "another library": lambda surface: surface.file("/opt/mentator/backends/cuda13/libcudart.so"),
    "another node-llama-cpp": lambda surface: surface.file(
        "/opt/mentator-llm-service/node_modules/node-llama-cpp/package.json", "{}"
    ),
    "another device on the bus": lambda surface: [
        surface.file("/sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n"),
        surface.file("/sys/bus/pci/devices/0000:01:00.0/device", "0x2330\n"),
    ],
}


@pytest.mark.parametrize("change", NVIDIA_CHANGES)
def test_what_changes_is_probed_anew(surface: Surface, change: str) -> None:
    nvidia(surface)
    prove_once(surface)
    NVIDIA_CHANGES[change](surface)
    assert chosen(surface.start()) == "cuda13"
    assert surface.probed() == ["cuda13"]
    rows = (surface.data / ".backend-proof").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1


@pytest.mark.parametrize("changed", ["/sys/module/amdgpu/version", "/proc/sys/kernel/osrelease"])
def test_another_amd_driver_is_probed_anew(surface: Surface, changed: str) -> None:
    amd(surface)
    surface.file(changed, "6.12.1\n")
    surface.start()
    surface.start()
    assert surface.probed() == ["rocm"]
    surface.file(changed, "6.13.0\n")
    surface.start()
    assert surface.probed() == ["rocm"]


def test_another_selection_of_cards_is_probed_anew(surface: Surface) -> None:
    nvidia(surface)
    prove_once(surface)
    surface.start(env={"CUDA_VISIBLE_DEVICES": "1"})
    assert surface.probed() == ["cuda13"]


@pytest.mark.parametrize("text", ["", "cuda13\n", "cuda13|||\n", "\0\1\2", "cuda13|x|y|z"])
def test_a_spoilt_memory_is_no_proof(surface: Surface, text: str) -> None:
    nvidia(surface)
    path = surface.data / ".backend-proof"
    path.write_text(text, encoding="utf-8")
    surface.own(path, system_surface.SOMEBODY)
    prove_once(surface)
    assert chosen(surface.start()) == "cuda13"
    assert surface.probed() == []


def test_a_proof_that_cannot_be_noted_is_told(surface: Surface) -> None:
    nvidia(surface)
    (surface.data / ".backend-proof").mkdir()
    (surface.data / ".backend-proof/x").touch()
    surface.tool("mv", "exit 1")
    started = surface.start()
    assert chosen(started) == "cuda13"
    assert "could not be noted" in started.row("cuda13")


# ---- demands


def test_the_cpu_on_demand_probes_nothing(surface: Surface) -> None:
    nvidia(surface)
    amd(surface)
    assert chosen(surface.start(env={"MENTATOR_BACKEND": "cpu"})) == "cpu"
    assert surface.probed() == []


def test_a_demand_does_not_fall_to_another_vendor(surface: Surface) -> None:
    nvidia(surface)
    amd(surface)
    surface.probe("rocm", "exit 139")
    started = surface.start(env={"MENTATOR_BACKEND": "rocm"})
    assert (started.code, started.service) == (69, None)
    assert surface.probed() == ["rocm"]


def test_a_demand_takes_the_older_cuda_where_the_newer_is_dropped(surface: Surface) -> None:
    nvidia(surface)
    surface.probe("cuda13", "exit 134")
    started = surface.start(env={"MENTATOR_BACKEND": "cuda"})
    assert chosen(started) == "cuda12"
    assert re.match(r"cuda: MENTATOR_BACKEND=cuda; .*; dropped cuda13: it aborted", reason(started))


def test_nothing_of_a_dropped_backend_reaches_the_service(surface: Surface) -> None:
    amd(surface)
    surface.probe("rocm", "exit 134")
    env = surface.start().reached().env
    for name in ("GGML_BACKEND_PATH", "LLAMA_HIPBLAS", "MENTATOR_BACKEND_DEVICES"):
        assert name not in env
