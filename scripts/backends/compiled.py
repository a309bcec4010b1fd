"""Decides how the GPU backends of a build are made: from node-llama-cpp's packages, or compiled.

A flag of `build` that the table names, such as `--cuda-archs`, is the Dockerfile's build argument
`CUDA_ARCHS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scripts.backends import table as backends_table
from scripts.backends.card_rows import Targets
from scripts.backends.rows import Candidate, Compile, Mode, Prebuilt
from scripts.backends.table import Table
from scripts.shared.errors import UsageError

#: A CUDA architecture in CMake's words: 90 (taken as 90-real), 120a-real, 90-virtual.
ARCH = re.compile(r"(?P<number>[1-9][0-9]{1,2}[af]?)(?P<kind>-real|-virtual)?")

#: The value that stands for every target that the SDK has kernels for.
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
    backends: Sequence[str],
    cuda: str,
    cuda_archs: Sequence[str],
    rocm_targets: Sequence[str],
    table: Table | None = None,
) -> Backends:
    """What a variant with these backends needs, by the table in force where none is given.

    Raises `UsageError` for an architecture or target that cannot be.
    """
    flags = {"--cuda": (cuda,), "--cuda-archs": cuda_archs, "--rocm-targets": rocm_targets}
    modes = [mode for mode in (table or backends_table.read()).modes if mode.name in backends]
    parts = [part for mode in modes for part in _parts(mode, flags)]
    return Backends(
        {name: value for part in parts for name, value in part.arguments.items()},
        tuple(dict.fromkeys(sdk for part in parts for sdk in part.sdks)),
        tuple(note for part in parts for note in part.notes),
    )


def modes_of_flags(table: Table) -> dict[str, Mode]:
    """The mode that each flag of `build` is about, by the flag's name as a setting."""
    found = {}
    for mode in table.modes:
        flags = [mode.targets.option] if mode.targets else []
        for candidate in mode.candidates:
            if candidate.compile:
                flags += [candidate.compile.option, candidate.compile.architectures]
        found.update({argument(flag).lower(): mode for flag in flags})
    return found


def _parts(mode: Mode, flags: Mapping[str, Sequence[str]]) -> list[Backends]:
    """What each candidate needs, and the mode's targets; nothing where a package holds all."""
    parts = [_candidate(mode, candidate, flags) for candidate in mode.candidates]
    if mode.targets is not None:
        names = _targets(
            mode, mode.targets, _given(flags, mode, "targets.option", mode.targets.option)
        )
        note = f"{mode.title}: compiled for {', '.join(names)}"
        parts.append(Backends({argument(mode.targets.option): ",".join(names)}, notes=(note,)))
    return parts


def _candidate(mode: Mode, candidate: Candidate, flags: Mapping[str, Sequence[str]]) -> Backends:
    if candidate.compile is None or candidate.prebuilt is None:
        return Backends(sdks=(candidate.sdk,) if candidate.sdk else ())
    how: Compile = candidate.compile
    names = _given(flags, mode, "compile.architectures", how.architectures)
    archs = tuple(_arch(name, how.architectures) for name in names)
    (asked,) = _given(flags, mode, "compile.option", how.option)
    origin, why = origin_of(candidate.prebuilt, asked, archs)
    arguments = {argument(how.option): origin}
    if origin == "source" and archs:
        arguments[argument(how.architectures)] = ";".join(archs)
    note = f"{mode.title}, {candidate.name}: {origin}, {why}"
    return Backends(arguments, (how.sdk,) if origin == "source" else (), (note,))


def _given(flags: Mapping[str, Sequence[str]], mode: Mode, key: str, flag: str) -> Sequence[str]:
    """The values of a flag that a row names. Raises `UsageError`: the table may name any."""
    if flag not in flags:
        raise UsageError(
            f"docker/backends.json: row {mode.name} has {flag} as {key}.",
            why=f"It is not a flag of `build` that compiles something: {', '.join(flags)}.",
            next=f"Correct the row, or add the flag to settings.py and to choose in {__name__}.",
        )
    return flags[flag]


def argument(flag: str) -> str:
    """The Dockerfile's build argument for a flag: `CUDA_ARCHS` for `--cuda-archs`."""
    return flag.removeprefix("--").replace("-", "_").upper()


def origin_of(prebuilt: Prebuilt, asked: str, archs: Sequence[str]) -> tuple[str, str]:
    """`prebuilt` or `source`, and why. `archs` are in CMake's words, e.g. `90-real`."""
    lacking = [arch for arch in archs if not _in_prebuilt(arch, prebuilt)]
    if asked == "prebuilt" and lacking:
        return asked, f"as asked, though it has no code for {', '.join(lacking)}"
    if asked != "auto":
        return asked, "as asked"
    if lacking:
        return "source", f"the prebuilt one has no code for {', '.join(lacking)}"
    return "prebuilt", "it has what was asked for" if archs else "no architecture was asked for"


def _in_prebuilt(arch: str, prebuilt: Prebuilt) -> bool:
    number, _, kind = arch.partition("-")
    if kind == "virtual":
        return number in prebuilt.ptx
    return number.rstrip("af") in prebuilt.machine_code


def _arch(name: str, flag: str) -> str:
    match = ARCH.fullmatch(name)
    if match is None:
        raise UsageError(
            f"{name!r} is not a CUDA architecture.",
            next=f"Write e.g. {flag} 90,120 (compute capability without the dot).",
        )
    return name if match["kind"] else f"{name}-real"


def _targets(mode: Mode, targets: Targets, names: Sequence[str]) -> tuple[str, ...]:
    if not names or ALL_TARGETS in names:
        return (ALL_TARGETS,)
    for name in names:
        if not targets.pattern.fullmatch(name):
            examples = ",".join(targets.compiled.names[-2:])
            raise UsageError(
                f"{name!r} is not a GPU target of {mode.title}.",
                next=f"Write e.g. {targets.option} {examples}, or {ALL_TARGETS}.",
            )
    return tuple(sorted(set(names)))
