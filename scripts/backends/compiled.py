"""Decides how the GPU backends of a build are made: from node-llama-cpp's packages, or compiled."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scripts.shared.errors import UsageError

#: What node-llama-cpp 3.22's CUDA 13 package holds as machine code, and as PTX only. PTX of its
#: CUDA 13.1 needs a driver R590 or later. `tests/device_code.py` reads it from the binary itself.
PREBUILT_NATIVE = frozenset({"86", "89", "120", "121"})
PREBUILT_PTX = frozenset({"75", "80", "90"})

#: A CUDA architecture in CMake's words: 90 (taken as 90-real), 120a-real, 90-virtual.
ARCH = re.compile(r"(?P<number>[1-9][0-9]{1,2}[af]?)(?P<kind>-real|-virtual)?")

#: An AMD GPU target as LLVM names it.
TARGET = re.compile(r"gfx[0-9a-f]{3,4}")

#: The value that stands for every target that the SDK's rocBLAS has kernels for.
ALL_TARGETS = "all"


@dataclass(frozen=True)
class Backends:
    """How the backends of one build are made.

    `arguments` are the Dockerfile's build arguments, `sdks` the rows of base images that compile,
    `notes` a line for a person about each decision.
    """

    arguments: Mapping[str, str] = field(default_factory=dict)
    sdks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def choose(
    backends: Sequence[str], cuda: str, cuda_archs: Sequence[str], rocm_targets: Sequence[str]
) -> Backends:
    """What a variant with these backends needs. Raises `UsageError` for a name that is none."""
    arguments: dict[str, str] = {}
    sdks: list[str] = []
    notes: list[str] = []
    if "cuda" in backends:
        archs = tuple(_arch(name) for name in cuda_archs)
        mode, why = cuda_mode(cuda, archs)
        arguments["CUDA"] = mode
        notes.append(f"CUDA backend: {mode}, {why}")
        if mode == "source":
            sdks.append("cuda-sdk")
            if archs:
                arguments["CUDA_ARCHS"] = ";".join(archs)
    if "rocm" in backends:
        targets = _targets(rocm_targets)
        sdks.append("rocm-sdk")
        arguments["ROCM_TARGETS"] = ",".join(targets)
        notes.append(f"ROCm backend: compiled for {', '.join(targets)}")
    return Backends(arguments, tuple(sdks), tuple(notes))


def cuda_mode(asked: str, archs: Sequence[str]) -> tuple[str, str]:
    """`prebuilt` or `source`, and why. `archs` are in CMake's words, e.g. `90-real`."""
    if asked != "auto":
        return asked, "as asked"
    lacking = [arch for arch in archs if not _in_prebuilt(arch)]
    if lacking:
        return "source", f"the prebuilt one has no code for {', '.join(lacking)}"
    return "prebuilt", "it has what was asked for" if archs else "no architecture was asked for"


def _in_prebuilt(arch: str) -> bool:
    number, _, kind = arch.partition("-")
    if kind == "virtual":
        return number in PREBUILT_PTX
    return number.rstrip("af") in PREBUILT_NATIVE


def _arch(name: str) -> str:
    match = ARCH.fullmatch(name)
    if match is None:
        raise UsageError(
            f"{name!r} is not a CUDA architecture.",
            next="Write e.g. --cuda-archs 90,120 (compute capability without the dot).",
        )
    return name if match["kind"] else f"{name}-real"


def _targets(names: Sequence[str]) -> tuple[str, ...]:
    if not names or ALL_TARGETS in names:
        return (ALL_TARGETS,)
    for name in names:
        if not TARGET.fullmatch(name):
            raise UsageError(
                f"{name!r} is not an AMD GPU target.",
                next=f"Write e.g. --rocm-targets gfx1100,gfx90a, or {ALL_TARGETS}.",
            )
    return tuple(sorted(set(names)))
