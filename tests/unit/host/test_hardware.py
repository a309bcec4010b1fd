"""What was seen of a host, and what a person is told of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from scripts.backends import table as backends
from scripts.backends.rows import Host, Library
from scripts.docker_engine import Engine
from scripts.host.hardware import Presence, judge, judge_engine, presence, present
from scripts.host.surface import LOAD, Surface, devices_in, loads, look
from scripts.shared import commands
from scripts.shared.commands import Result
from tests.unit.host.test_kfd import write

TABLE = backends.read()
CUDA, ROCM = TABLE.mode("cuda"), TABLE.mode("rocm")


def answer(code: int, *lines: str) -> Result:
    return Result((), code, "\n".join(lines), "")


NOT_INSTALLED = answer(127)
H100 = answer(0, "NVIDIA H100, 81559 MiB, 580.65.06")
MISMATCH = answer(18, "Failed to initialize NVML: Driver/library version mismatch")
NO_DEVICES = answer(6, "No devices were found")
NVIDIA_NODES = {
    "dev/nvidiactl": ("/dev/nvidiactl",),
    "dev/nvidia[0-9]*": ("/dev/nvidia0",),
}


def cuda(answer: Result = NOT_INSTALLED, **more: Any) -> Surface:
    return Surface(tools={"nvidia-smi": answer}, **more)


@pytest.mark.parametrize(
    ("seen", "state", "words"),
    [
        (cuda(H100), "present", "NVIDIA H100, 81559 MiB, 580.65.06"),
        (cuda(answer(0, "L4, 23034 MiB, 580, Disabled")), "present", "L4, 23034 MiB, 580"),
        (cuda(answer(0, "H100, 81559 MiB, 580, Enabled")), "present", "580, Enabled"),
        (cuda(), "absent", "none: CPU"),
        (cuda(on_bus=True), "broken", "its driver is missing"),
        (cuda(MISMATCH, on_bus=True), "broken", "nvidia-smi fails: Failed to initialize"),
        (cuda(MISMATCH, nodes=NVIDIA_NODES, library=True), "broken", "nvidia-smi fails"),
        (cuda(answer(0), on_bus=True), "broken", "exit status 0"),
        (cuda(NO_DEVICES, on_bus=True), "broken", "No devices were found"),
        (cuda(NO_DEVICES), "absent", "nvidia-smi says: No devices were found"),
        (cuda(nodes=NVIDIA_NODES, library=True), "present", "/dev/nvidiactl, /dev/nvidia0"),
        (cuda(nodes=NVIDIA_NODES), "absent", "/dev/nvidiactl is there, but no libcuda.so.1"),
        (cuda(nodes={"dev/dxg": ("/dev/dxg",)}, library=True), "present", "/dev/dxg"),
    ],
)
def test_nvidia(seen: Surface, state: str, words: str) -> None:
    found = judge(CUDA, seen)
    assert (found.state, words in found.said) == (state, True), found.said


@pytest.mark.parametrize(
    ("knows", "has_toolkit", "state", "words", "step"),
    [
        (True, False, "present", "580.65.06; the engine can pass it on", ""),
        (
            False,
            False,
            "broken",
            "H100, 81559 MiB, 580.65.06; nvidia-ctk is not installed",
            "Install nvidia-container-toolkit.",
        ),
        (
            False,
            True,
            "broken",
            "but the engine does not know it",
            "sudo nvidia-ctk runtime configure --runtime=docker",
        ),
    ],
)
def test_engine_that_passes_the_cards_on(
    knows: bool, has_toolkit: bool, state: str, words: str, step: str
) -> None:
    runtime = CUDA.container.engine_runtime
    assert runtime is not None
    found = judge_engine(judge(CUDA, cuda(H100)), runtime, knows, has_toolkit)
    assert (found.state, words in found.said) == (state, True), found.said
    assert step in found.next
    assert bool(found.next) == bool(step)


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        (cuda(on_bus=True), "Install the NVIDIA driver."),
        (cuda(MISMATCH), "Restart the machine if the driver was upgraded"),
        (cuda(), ""),
        (cuda(H100), ""),
    ],
)
def test_nvidias_next_step(seen: Surface, step: str) -> None:
    found = judge(CUDA, seen)
    assert step in found.next
    assert bool(found.next) == bool(step)


KFD, RENDER = "dev/kfd", "dev/dri/renderD*"


def amd(kfd: int, render: int, **more: Any) -> Surface:
    nodes = {
        KFD: ("/dev/kfd",) * kfd,
        RENDER: tuple(f"/dev/dri/renderD{128 + n}" for n in range(render)),
    }
    return Surface(nodes=nodes, **{"tools": {"rocm-smi": NOT_INSTALLED}, **more})


ROCM_SMI = {"rocm-smi": answer(0, "GPU[0]: Card Series: MI300X")}


@pytest.mark.parametrize(
    ("seen", "state", "words"),
    [
        (amd(0, 0), "absent", "none: CPU"),
        (amd(0, 1), "absent", "none (no /dev/kfd): CPU"),
        (amd(1, 0), "broken", "/dev/kfd is there, but no /dev/dri/renderD*"),
        (amd(1, 2), "present", "/dev/kfd, /dev/dri/renderD128, /dev/dri/renderD129"),
        (amd(1, 1, cards=("gfx1100",)), "present", "gfx1100, /dev/kfd, /dev/dri/renderD128"),
        (amd(1, 1, cards=None), "broken", "the kernel lists no card"),
        (amd(0, 1, on_bus=True), "broken", "its driver is missing (no /dev/kfd)"),
        (
            amd(0, 0, tools=ROCM_SMI, missing=("/dev/kfd",)),
            "broken",
            "MI300X; /dev/kfd is missing",
        ),
        (amd(0, 0, tools={"rocm-smi": answer(2, "Driver not initialized")}), "absent", "not in"),
    ],
)
def test_amd(seen: Surface, state: str, words: str) -> None:
    found = judge(ROCM, seen)
    assert (found.state, words in found.said) == (state, True), found.said


def test_amds_next_step_is_its_driver() -> None:
    assert "amdgpu" in judge(ROCM, amd(1, 0)).next
    assert judge(ROCM, amd(1, 1)).next == ""


def test_only_what_a_container_can_be_given_is_present() -> None:
    found = [
        Presence(CUDA, "broken", "", ""),
        Presence(ROCM, "present", "", targets=("gfx1100",)),
    ]
    assert present(found) == {"rocm": ("gfx1100",)}


@pytest.mark.parametrize(
    ("flags", "paths"),
    [
        (("--device", "/dev/kfd", "--device", "/dev/dri"), ("/dev/kfd", "/dev/dri")),
        (("--device=/dev/a:/dev/b:rw",), ("/dev/a",)),
        (("--device", "nvidia.com/gpu=all", "--gpus", "all"), ()),
        (("--gpus", "/dev/a"), ()),
    ],
)
def test_devices_that_flags_hand_over(flags: Sequence[str], paths: tuple[str, ...]) -> None:
    assert devices_in(flags) == paths


def on_bus(root: Path, vendor: str, kind: str, device: str = "0x2684") -> None:
    folder = root / "sys/bus/pci/devices/0000:01:00.0"
    folder.mkdir(parents=True)
    for name, text in {"vendor": vendor, "class": kind, "device": device}.items():
        (folder / name).write_text(f"{text}\n")


@pytest.mark.parametrize(
    ("vendor", "kind", "found"),
    [
        ("0x10de", "0x030200", True),
        ("0x10de", "0x030000", True),
        ("0x10de", "0x120000", True),
        ("0x10de", "0x040300", False),
        ("0x8086", "0x030000", False),
    ],
)
def test_a_card_on_the_bus(tmp_path: Path, vendor: str, kind: str, found: bool) -> None:
    on_bus(tmp_path, vendor, kind)
    assert look(CUDA, tmp_path, silent).on_bus is found


def test_a_card_that_no_build_serves_is_told_so_and_no_driver_is_advised(tmp_path: Path) -> None:
    on_bus(tmp_path, "0x10de", "0x030200", device="0x102d")  # a Tesla K80
    found = judge(CUDA, look(CUDA, tmp_path, silent))
    assert (found.state, found.next) == ("absent", "")
    assert "older than Maxwell" in found.said


def silent(argv: Sequence[str]) -> Result:
    return Result(tuple(argv), 127, "", "")


def test_a_host_without_anything(tmp_path: Path) -> None:
    seen = look(ROCM, tmp_path, silent)
    assert seen == amd(
        0, 0, missing=("/dev/kfd", "/dev/dri"), tools={"rocm-smi": silent(ROCM.signs[1].tool)}
    )
    assert judge(ROCM, seen).said == "none: CPU"


def test_a_host_with_an_amd_card(tmp_path: Path) -> None:
    (tmp_path / "dev/dri").mkdir(parents=True)
    (tmp_path / "dev/kfd").touch()
    (tmp_path / "dev/dri/renderD128").touch()
    write(tmp_path, (0, 0), (96, 110000))
    # Its tool is not asked: the nodes say enough, and it may take seconds.
    assert look(ROCM, tmp_path, silent) == amd(1, 1, cards=("gfx1100",), tools={})


def test_a_host_with_an_nvidia_card(tmp_path: Path) -> None:
    asked = []

    def smi(argv: Sequence[str]) -> Result:
        asked.append(tuple(argv))
        return Result(tuple(argv), 0, "H100, 81559 MiB, 580\nL4, 23034 MiB, 580\n", "")

    found = judge(CUDA, look(CUDA, tmp_path, smi))
    assert asked == [CUDA.signs[0].tool]
    assert found.said.startswith("H100, 81559 MiB, 580; L4, 23034 MiB, 580")


def test_the_loader_decides_whether_the_drivers_library_is_there(tmp_path: Path) -> None:
    assert CUDA.library is not None
    (tmp_path / "dev").mkdir()
    for name in ("nvidiactl", "nvidia0"):
        (tmp_path / "dev" / name).touch()

    def loader(code: int) -> Callable[[Sequence[str]], Result]:
        return lambda argv: Result(tuple(argv), code if LOAD in argv else 127, "", "")

    assert look(CUDA, tmp_path, loader(0)).library
    assert not look(CUDA, tmp_path, loader(1)).library
    assert loads(Library("libc.so.6"), commands.capture)
    assert not loads(Library("libnone.so.1"), commands.capture)


def test_a_render_node_of_another_vendor_is_not_amds(tmp_path: Path) -> None:
    for number, vendor in ((128, "0x8086"), (129, "0x1002"), (130, "")):
        (tmp_path / "dev/dri").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"dev/dri/renderD{number}").touch()
        if vendor:
            folder = tmp_path / f"sys/class/drm/renderD{number}/device"
            folder.mkdir(parents=True)
            (folder / "vendor").write_text(f"{vendor}\n")
    assert look(ROCM, tmp_path, silent).nodes[RENDER] == (
        "/dev/dri/renderD129",
        "/dev/dri/renderD130",
    )


@pytest.mark.parametrize(
    ("vendor", "state"),
    [("0x8086", "present"), ("0x10de", "present"), ("0x1af4", "absent"), ("", "present")],
)
def test_a_virtual_machines_display_is_no_card_that_vulkan_serves(
    tmp_path: Path, vendor: str, state: str
) -> None:
    (tmp_path / "dev/dri").mkdir(parents=True)
    (tmp_path / "dev/dri/renderD128").touch()
    if vendor:
        folder = tmp_path / "sys/class/drm/renderD128/device"
        folder.mkdir(parents=True)
        (folder / "vendor").write_text(f"{vendor}\n")
    vulkan = backends.read().mode("vulkan")
    assert judge(vulkan, look(vulkan, tmp_path, silent)).state == state


@pytest.mark.parametrize(
    ("simds", "version", "state"),
    [(4, 100306, "absent"), (24, 110003, "present"), (4, 110000, "present"), (4, 0, "present")],
)
def test_a_processors_weak_graphics_are_not_hardware(
    tmp_path: Path, simds: int, version: int, state: str
) -> None:
    """gfx1036 has two compute units: nothing is compiled for it."""
    (tmp_path / "dev/dri").mkdir(parents=True)
    (tmp_path / "dev/kfd").touch()
    (tmp_path / "dev/dri/renderD128").touch()
    write(tmp_path, (0, 0), (simds, version))
    assert judge(ROCM, look(ROCM, tmp_path, silent)).state == state


def test_an_engine_runtime_without_a_toolkit_is_told_by_its_name() -> None:
    bare = replace(CUDA, host=Host("", ""))
    runtime = bare.container.engine_runtime
    assert runtime is not None
    found = judge_engine(judge(bare, cuda(H100)), runtime, knows=False, has_toolkit=False)
    assert (found.state, found.said) == (
        "broken",
        "NVIDIA H100, 81559 MiB, 580.65.06; the engine has no runtime nvidia",
    )


def test_engine_is_asked_only_when_there_is_hardware(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Engine] = []
    answers = {"nvidia-smi": NOT_INSTALLED}

    def ask(engine: Engine) -> str:
        asked.append(engine)
        return '{"Runtimes": {"nvidia": {}}}'

    monkeypatch.setattr("scripts.host.engine_devices.ask", ask)
    monkeypatch.setattr("scripts.host.hardware.look", lambda *_: Surface(tools=answers))
    engine = Engine()
    assert presence(CUDA, engine, tmp_path).state == "absent"
    assert asked == []
    answers["nvidia-smi"] = H100
    assert presence(CUDA, engine, tmp_path).state == "present"
    assert asked == [engine]
