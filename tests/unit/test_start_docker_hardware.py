"""docker/start-docker.sh: which backend it chooses, on which evidence, and what it exports."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator

import pytest

from tests.unit import system_surface
from tests.unit.system_surface import SOMEBODY, Started, Surface, needs_root

EXPORTS = ("LLAMA_CUDA", "LLAMA_HIPBLAS", "GGML_BACKEND_PATH")

#: The kernel's list of one graphics card and one CPU, as /sys/class/kfd shows it (shortened).
CPU_NODE = "cpu_cores_count 16\nsimd_count 0\nmem_banks_count 1\ngfx_target_version 0\n"
GPU_NODE = "cpu_cores_count 0\nsimd_count 192\nmem_banks_count 1\ngfx_target_version {}\n"


@pytest.fixture
def surface() -> Iterator[Surface]:
    with system_surface.fresh() as made:
        yield made


def backends(surface: Surface) -> None:
    """An image with both GPU backends."""
    surface.backend("cuda13", "cuda")
    surface.backend("rocm", "hip")


def nvidia_nodes(surface: Surface, library: str = "/usr/lib/x86_64-linux-gnu") -> None:
    surface.file("/dev/nvidiactl")
    surface.file("/dev/nvidia0")
    surface.file(f"{library}/libcuda.so.1", "ELF")


def amd_nodes(surface: Surface, *versions: int) -> None:
    """AMD cards with these target versions; without one there is no topology to read."""
    surface.file("/dev/kfd")
    surface.file("/dev/dri/renderD128")
    for index, text in enumerate([CPU_NODE, *(GPU_NODE.format(version) for version in versions)]):
        if versions:
            surface.file(f"/sys/class/kfd/kfd/topology/nodes/{index}/properties", text, 0o444)


def exported(started: Started) -> dict[str, str]:
    """What the service is told, but for the reason."""
    env = started.reached().env
    told = {name: env[name] for name in EXPORTS if name in env}
    return {"choice": env["MENTATOR_BACKEND_CHOICE"], **told}


def reason(started: Started) -> str:
    return started.reached().env["MENTATOR_BACKEND_REASON"]


def is_cuda(surface: Surface, started: Started, folder: str = "cuda13") -> bool:
    library = surface.root / f"opt/mentator/backends/{folder}/libggml-cuda.so"
    told = {"choice": "cuda", "LLAMA_CUDA": "1", "GGML_BACKEND_PATH": str(library)}
    return exported(started) == told


def is_rocm(surface: Surface, started: Started) -> bool:
    library = surface.root / "opt/mentator/backends/rocm/libggml-hip.so"
    told = {"choice": "rocm", "LLAMA_HIPBLAS": "1", "GGML_BACKEND_PATH": str(library)}
    return exported(started) == told


# ---- node-llama-cpp


@pytest.mark.parametrize(("demand", "gpu"), [("cuda", "cuda"), ("rocm", "cuda"), ("cpu", "false")])
def test_a_plain_get_llama_takes_the_choice_and_nothing_else(
    surface: Surface, demand: str, gpu: str
) -> None:
    """A HIP backend counts as "cuda" in node-llama-cpp."""
    backends(surface)
    nvidia_nodes(surface)
    amd_nodes(surface)
    started = surface.start(env={"MENTATOR_BACKEND": demand, "NODE_LLAMA_CPP_GPU": "vulkan"})
    env = started.reached().env
    assert (env["MENTATOR_BACKEND_CHOICE"], env["NODE_LLAMA_CPP_GPU"]) == (demand, gpu)
    assert env["NODE_LLAMA_CPP_SKIP_DOWNLOAD"] == "true"


# ---- NVIDIA


def test_nvidia_by_its_tool(surface: Surface) -> None:
    backends(surface)
    surface.tool("nvidia-smi", "echo 'NVIDIA L4'; echo 'NVIDIA T4'")
    started = surface.start()
    assert is_cuda(surface, started)
    assert "nvidia-smi lists NVIDIA L4, NVIDIA T4" in started.row("cuda")
    assert "cuda13/libggml-cuda.so" in started.row("chosen")
    assert started.row("rocm").endswith("not looked at: cuda comes first")


def test_nvidia_by_a_tool_that_says_nothing(surface: Surface) -> None:
    backends(surface)
    surface.tool("nvidia-smi", "exit 0")
    assert is_cuda(surface, surface.start())


def test_a_missing_driver_library_beside_an_answering_tool_is_noted(surface: Surface) -> None:
    backends(surface)
    surface.tool("nvidia-smi", "echo 'NVIDIA L4'")
    assert "NVIDIA_DRIVER_CAPABILITIES" in surface.start().row("cuda")
    surface.file("/usr/lib64/libcuda.so.1", "ELF")
    assert "NVIDIA_DRIVER_CAPABILITIES" not in surface.start().row("cuda")


@pytest.mark.parametrize(
    "library",
    [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        "/usr/local/nvidia/lib64",
        "/usr/local/nvidia/lib",
        "/usr/lib/wsl/lib",
        "/usr/lib/wsl/drivers/nv_dispi.inf_amd64_0",
    ],
)
def test_nvidia_by_nodes_and_library(surface: Surface, library: str) -> None:
    backends(surface)
    nvidia_nodes(surface, library)
    started = surface.start()
    assert is_cuda(surface, started)
    assert "/dev/nvidiactl and libcuda.so.1 (no nvidia-smi)" in reason(started)


def test_nvidia_below_windows(surface: Surface) -> None:
    backends(surface)
    surface.file("/dev/dxg")
    surface.file("/usr/lib/wsl/lib/libcuda.so.1", "ELF")
    started = surface.start()
    assert is_cuda(surface, started)
    assert "/dev/dxg" in reason(started)


def test_an_empty_driver_library_does_not_count(surface: Surface) -> None:
    backends(surface)
    nvidia_nodes(surface)
    surface.file("/usr/lib/x86_64-linux-gnu/libcuda.so.1", "")
    started = surface.start()
    assert exported(started) == {"choice": "cpu"}
    assert "no libcuda.so.1 (an empty one does not count)" in started.row("cuda")


def test_an_empty_library_is_passed_over_for_a_full_one(surface: Surface) -> None:
    backends(surface)
    nvidia_nodes(surface, "/usr/lib/wsl/lib")
    surface.file("/usr/lib/x86_64-linux-gnu/libcuda.so.1", "")
    assert is_cuda(surface, surface.start())


@pytest.mark.parametrize("only", ["/dev/nvidiactl", "/dev/nvidia0"])
def test_half_of_the_nodes_is_no_gpu(surface: Surface, only: str) -> None:
    backends(surface)
    surface.file(only)
    surface.file("/usr/lib64/libcuda.so.1", "ELF")
    started = surface.start()
    assert exported(started) == {"choice": "cpu"}
    assert "no /dev/nvidiactl with /dev/nvidia[0-9]*, no /dev/dxg" in started.row("cuda")


def test_a_library_without_nodes_is_no_gpu(surface: Surface) -> None:
    backends(surface)
    surface.file("/usr/lib64/libcuda.so.1", "ELF")
    assert exported(surface.start()) == {"choice": "cpu"}


def test_nvidia_nodes_that_this_user_may_not_open(surface: Surface) -> None:
    backends(surface)
    nvidia_nodes(surface)
    (surface.root / "dev/nvidiactl").chmod(0o400)
    started = surface.start()
    assert exported(started) == {"choice": "cpu"}
    assert f"uid {SOMEBODY} may not read and write it" in started.row("cuda")


def test_a_failing_tool_is_told_and_the_nodes_still_count(surface: Surface) -> None:
    backends(surface)
    surface.tool("nvidia-smi", "echo 'Failed to initialize NVML'; echo 'mismatch' >&2; exit 18")
    started = surface.start()
    assert exported(started) == {"choice": "cpu"}
    assert "nvidia-smi fails with 18: Failed to initialize NVML, mismatch" in started.row("cuda")
    nvidia_nodes(surface)
    started = surface.start()
    assert is_cuda(surface, started)
    assert "Failed to initialize NVML" in started.row("cuda")


def test_a_tool_that_lists_no_device_is_no_gpu(surface: Surface) -> None:
    backends(surface)
    surface.tool("nvidia-smi", "echo 'No devices were found'")
    assert exported(surface.start()) == {"choice": "cpu"}


@pytest.mark.parametrize("stubborn", ["", "trap '' TERM;"])
def test_a_tool_that_hangs_is_given_up(surface: Surface, stubborn: str) -> None:
    """A lost GPU hangs nvidia-smi. Five seconds in the image, shorter here."""
    backends(surface)
    surface.tool("nvidia-smi", f"{stubborn} sleep 15")
    surface.tool(
        "timeout",
        f'echo "$*" >"$RECORD/limit"\nshift 3\nexec {os.path.realpath("/usr/bin/timeout")} '
        '-k 0.1 0.2 "$@"',
    )
    before = time.monotonic()
    started = surface.start()
    assert time.monotonic() - before < 5
    assert exported(started) == {"choice": "cpu"}
    assert "nvidia-smi does not answer within 5 s" in started.row("cuda")
    assert (surface.record / "limit").read_text().startswith("-k 1 5 nvidia-smi ")


# ---- AMD


def test_amd_by_its_nodes(surface: Surface) -> None:
    backends(surface)
    amd_nodes(surface, 110000)
    started = surface.start()
    assert is_rocm(surface, started)
    assert "gfx1100, /dev/kfd, /dev/dri/renderD128" in started.row("rocm")
    assert reason(started).startswith("rocm: gfx1100, ")
    assert "; not cuda: no nvidia-smi" in reason(started)


@pytest.mark.parametrize(
    ("version", "target"),
    [
        (110000, "gfx1100"),
        (90010, "gfx90a"),
        (90402, "gfx942"),
        (100302, "gfx1032"),
        (110501, "gfx1151"),
        (120001, "gfx1201"),
        (80003, "gfx803"),
        (90012, "gfx90c"),
    ],
)
def test_targets_are_read_from_the_kernel(surface: Surface, version: int, target: str) -> None:
    backends(surface)
    amd_nodes(surface, version)
    assert f"found: {target}, " in surface.start().row("rocm")


def test_several_cards_are_all_named(surface: Surface) -> None:
    backends(surface)
    amd_nodes(surface, 110000, 110000, 100300)
    surface.file("/dev/dri/renderD129")
    row = surface.start().row("rocm")
    assert "gfx1100, gfx1100, gfx1030, /dev/kfd, /dev/dri/renderD128, /dev/dri/renderD129" in row


def test_a_kernel_that_lists_only_cpus(surface: Surface) -> None:
    """Such as a machine with the driver, and another vendor's card behind renderD128."""
    backends(surface)
    amd_nodes(surface, 110000)
    surface.file("/sys/class/kfd/kfd/topology/nodes/1/properties", CPU_NODE, 0o444)
    started = surface.start()
    assert exported(started) == {"choice": "cpu"}
    assert "the kernel lists no AMD GPU" in started.row("rocm")


def test_a_card_that_the_container_may_not_read_is_no_card(surface: Surface) -> None:
    backends(surface)
    amd_nodes(surface, 110000, 100300)
    surface.file("/sys/class/kfd/kfd/topology/nodes/2/properties", "secret", 0o000)
    assert "found: gfx1100, /dev/kfd" in surface.start().row("rocm")


@pytest.mark.parametrize("versions", [(), (0,)])
def test_without_a_target_version_the_target_is_unknown(
    surface: Surface, versions: tuple[int, ...]
) -> None:
    backends(surface)
    amd_nodes(surface, *versions)
    started = surface.start()
    assert is_rocm(surface, started)
    assert "unknown target" in started.row("rocm")


def test_amd_by_its_tool(surface: Surface) -> None:
    backends(surface)
    surface.tool("rocm-smi", "echo 'GPU[0] : Card Series: Radeon'")
    started = surface.start()
    assert is_rocm(surface, started)
    assert "rocm-smi answers (no /dev/kfd)" in started.row("rocm")


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("echo 'No AMD GPUs specified'", "rocm-smi says: No AMD GPUs specified"),
        ("echo 'Driver not initialized (amdgpu)'", "Driver not initialized"),
        ("exit 3", "rocm-smi fails with 3"),
    ],
)
def test_an_amd_tool_without_a_card(surface: Surface, tool: str, said: str) -> None:
    backends(surface)
    surface.tool("rocm-smi", tool)
    started = surface.start()
    assert exported(started) == {"choice": "cpu"}
    assert said in started.row("rocm")


def test_kfd_without_a_render_node(surface: Surface) -> None:
    backends(surface)
    surface.file("/dev/kfd")
    surface.file("/dev/dri/card0")
    started = surface.start()
    assert exported(started) == {"choice": "cpu"}
    assert "/dev/kfd is there, but no /dev/dri/renderD*" in started.row("rocm")


def test_a_render_node_without_kfd_is_another_vendors(surface: Surface) -> None:
    backends(surface)
    surface.file("/dev/dri/renderD128")
    started = surface.start()
    assert exported(started) == {"choice": "cpu"}
    assert "no /dev/kfd, no rocm-smi" in started.row("rocm")


@pytest.mark.parametrize("node", ["/dev/kfd", "/dev/dri/renderD128"])
@pytest.mark.parametrize("mode", [0o000, 0o444])
def test_amd_nodes_that_this_user_may_not_open(surface: Surface, node: str, mode: int) -> None:
    backends(surface)
    amd_nodes(surface, 110000)
    (surface.root / node.lstrip("/")).chmod(mode)
    started = surface.start()
    assert exported(started) == {"choice": "cpu"}
    assert f"{node} is there, but uid {SOMEBODY} may not read and write it" in started.row("rocm")


@needs_root
def test_a_refused_node_names_its_group_by_number(surface: Surface) -> None:
    backends(surface)
    amd_nodes(surface, 110000)
    kfd = surface.root / "dev/kfd"
    os.chown(kfd, 0, 992)
    kfd.chmod(0o660)
    assert "docker run --group-add 992" in surface.start().row("rocm")
    os.chown(kfd, 0, 0)
    assert "a group of its own" in surface.start().row("rocm")


def test_one_render_node_of_two_is_enough(surface: Surface) -> None:
    backends(surface)
    amd_nodes(surface, 110000)
    surface.file("/dev/dri/renderD127", mode=0o000)
    started = surface.start()
    assert is_rocm(surface, started)
    assert "renderD127" not in started.row("rocm")


# ---- the image and the choice


def test_nvidia_comes_before_amd(surface: Surface) -> None:
    backends(surface)
    nvidia_nodes(surface)
    amd_nodes(surface, 110000)
    assert is_cuda(surface, surface.start())


def test_without_a_gpu_it_is_the_cpu_and_says_why(surface: Surface) -> None:
    backends(surface)
    started = surface.start()
    assert exported(started) == {"choice": "cpu"}
    assert reason(started) == (
        "cpu: not cuda: no nvidia-smi, no /dev/nvidiactl with /dev/nvidia[0-9]*, no /dev/dxg; "
        "not rocm: no /dev/kfd, no rocm-smi"
    )
    assert started.row("chosen") == "chosen  cpu"


def test_hardware_without_a_backend_in_the_image_is_said_plainly(surface: Surface) -> None:
    nvidia_nodes(surface)
    amd_nodes(surface, 110000)
    started = surface.start()
    assert exported(started) == {"choice": "cpu"}
    assert "but this image holds no cuda backend" in started.row("cuda")
    assert "but this image holds no rocm backend" in started.row("rocm")
    assert "holds the backends cpu" in started.row("image")


def test_a_backend_of_the_other_vendor_does_not_serve(surface: Surface) -> None:
    surface.backend("rocm", "hip")
    nvidia_nodes(surface)
    amd_nodes(surface, 90010)
    assert is_rocm(surface, surface.start())


def test_an_empty_backend_does_not_count(surface: Surface) -> None:
    surface.backend("cuda13", "cuda", text="")
    nvidia_nodes(surface)
    started = surface.start()
    assert exported(started) == {"choice": "cpu"}
    assert "holds the backends cpu" in started.row("image")


def test_of_two_cuda_versions_the_newer_is_taken(surface: Surface) -> None:
    surface.backend("cuda12", "cuda")
    surface.backend("cuda13", "cuda")
    nvidia_nodes(surface)
    started = surface.start()
    assert is_cuda(surface, started, "cuda13")
    assert "holds the backends cuda13, cuda12, cpu" in started.row("image")


def test_stray_values_do_not_reach_the_service(surface: Surface) -> None:
    stray = dict.fromkeys((*EXPORTS, "MENTATOR_BACKEND_CHOICE"), "/usr/stray")
    assert exported(surface.start(env=stray)) == {"choice": "cpu"}
    backends(surface)
    amd_nodes(surface, 110000)
    assert is_rocm(surface, surface.start(env=stray))


def test_the_reason_is_one_line(surface: Surface) -> None:
    backends(surface)
    surface.tool("nvidia-smi", "printf 'one\\n\\ntwo\\n'; exit 1")
    assert "\n" not in reason(surface.start())


# ---- the override


@pytest.mark.parametrize("demand", ["", "auto"])
def test_auto_is_the_default(surface: Surface, demand: str) -> None:
    backends(surface)
    nvidia_nodes(surface)
    assert is_cuda(surface, surface.start(env={"MENTATOR_BACKEND": demand}))


def test_cpu_on_demand_looks_at_nothing(surface: Surface) -> None:
    backends(surface)
    nvidia_nodes(surface)
    surface.tool("nvidia-smi", 'touch "$RECORD/asked"')
    started = surface.start(env={"MENTATOR_BACKEND": "cpu"})
    assert exported(started) == {"choice": "cpu"}
    assert reason(started) == "cpu: MENTATOR_BACKEND=cpu"
    assert not (surface.record / "asked").exists()
    assert "not looked at: MENTATOR_BACKEND=cpu" in started.row("cuda")


def test_rocm_on_demand_beside_nvidia(surface: Surface) -> None:
    backends(surface)
    nvidia_nodes(surface)
    amd_nodes(surface, 110000)
    started = surface.start(env={"MENTATOR_BACKEND": "rocm"})
    assert is_rocm(surface, started)
    assert reason(started).startswith("rocm: MENTATOR_BACKEND=rocm; gfx1100")
    assert "not looked at" in started.row("cuda")


def test_cuda_on_demand(surface: Surface) -> None:
    backends(surface)
    nvidia_nodes(surface)
    assert is_cuda(surface, surface.start(env={"MENTATOR_BACKEND": "cuda"}))


@pytest.mark.parametrize(
    ("demand", "why", "flag"),
    [
        ("cuda", "no nvidia-smi", "docker run --gpus all"),
        ("rocm", "no /dev/kfd", "--device /dev/kfd --device /dev/dri"),
    ],
)
def test_a_demand_without_hardware_is_refused(
    surface: Surface, demand: str, why: str, flag: str
) -> None:
    backends(surface)
    started = surface.start(env={"MENTATOR_BACKEND": demand})
    assert (started.code, started.service) == (69, None)
    assert f"MENTATOR_BACKEND={demand} is not possible here" in started.err
    assert why in started.err
    assert flag in started.err


@pytest.mark.parametrize("demand", ["cuda", "rocm"])
def test_a_demand_that_the_image_cannot_meet_is_refused(surface: Surface, demand: str) -> None:
    nvidia_nodes(surface)
    amd_nodes(surface, 110000)
    started = surface.start(env={"MENTATOR_BACKEND": demand})
    assert (started.code, started.service) == (69, None)
    assert f"Use an image that was built with {demand}" in started.err


def test_a_demand_for_a_node_that_is_refused_names_the_reason(surface: Surface) -> None:
    backends(surface)
    amd_nodes(surface, 110000)
    (surface.root / "dev/kfd").chmod(0o000)
    started = surface.start(env={"MENTATOR_BACKEND": "rocm"})
    assert started.code == 69
    assert "may not read and write it" in started.err


@pytest.mark.parametrize("demand", ["metal", "CUDA", "vulkan", "cpu ", "cuda13"])
def test_another_demand_is_refused_with_the_list(surface: Surface, demand: str) -> None:
    started = surface.start(env={"MENTATOR_BACKEND": demand})
    assert (started.code, started.service, started.out) == (64, None, "")
    assert f"MENTATOR_BACKEND={demand} is not a backend" in started.err
    assert re.search(r"auto, cuda, rocm or cpu", started.err)


@pytest.mark.parametrize(
    ("name", "given", "used"),
    [
        ("UV_THREADPOOL_SIZE", None, "1"),
        ("UV_THREADPOOL_SIZE", "8", "8"),
        ("GLIBC_TUNABLES", None, "glibc.malloc.hugetlb=1"),
        ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=0", "glibc.malloc.hugetlb=0"),
    ],
)
def test_on_the_cpu_one_thread_of_nodes_pool_computes_on_large_pages(
    surface: Surface, name: str, given: str | None, used: str
) -> None:
    assert surface.start(env={name: given}).reached().env[name] == used
