"""The one table of backends, docker/backends.json, typed: a row a mode, a way to compute.

What a mode is called, where its hardware is seen, what a container is given, what is compiled:
everything that the pipeline knows of a vendor is read from here. The entrypoint and the service
read a copy of the same file in the image. docs/add-a-backend.md explains each key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from scripts.backends import json_rows, table_checks
from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY

FILE = REPOSITORY / "docker" / "backends.json"

#: The value of `MENTATOR_BACKEND` that leaves the choice to the container.
AUTO = "auto"


@dataclass(frozen=True)
class Vendor:
    """Who makes the cards, and the vendor's number on the PCI bus as sysfs writes it."""

    name: str
    pci: str


@dataclass(frozen=True)
class Prebuilt:
    """What a package's plugin holds: machine code and PTX, by CUDA architecture (`90`)."""

    source: str
    machine_code: tuple[str, ...]
    ptx: tuple[str, ...] = ()


@dataclass(frozen=True)
class Driver:
    """The oldest driver that a candidate runs on, and where that is written."""

    minimum: str
    source: str


@dataclass(frozen=True)
class Compile:
    """How a prebuilt candidate is compiled instead, and the flags of `build` that ask for it."""

    sdk: str
    option: str
    architectures: str


@dataclass(frozen=True)
class Candidate:
    """One plugin of ggml in a folder of its own; `sdk` is what it is always compiled with."""

    name: str
    prebuilt: Prebuilt | None = None
    compile: Compile | None = None
    driver: Driver | None = None
    sdk: str = ""


@dataclass(frozen=True)
class EngineRuntime:
    """What an engine that can pass the cards on names: a runtime, or a kind of CDI device."""

    name: str
    device: str


@dataclass(frozen=True)
class Container:
    """How a container is given the hardware."""

    profile: str
    run: tuple[str, ...] = ()
    engine_runtime: EngineRuntime | None = None
    remedy: str = ""
    visible: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sign:
    """One way to see that the hardware is there: a tool that answers, or nodes that are there."""

    tool: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    no_device: tuple[str, ...] = ()
    library_hint: str = ""
    nodes: tuple[str, ...] = ()
    needs_library: bool = False
    cards: str = ""


@dataclass(frozen=True)
class Library:
    """The driver's library, and the folders that it may lie in."""

    name: str
    folders: tuple[str, ...]


@dataclass(frozen=True)
class Environment:
    """Variables for the service: fixed, only where the user set none, and folders of the data."""

    set: Mapping[str, str] = field(default_factory=dict)
    default: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Compiled:
    """The targets that the SDK has kernels for."""

    source: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Substitutes:
    """For a target, those whose kernels such a card runs too, the nearest first."""

    source: str
    names: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Targets:
    """Cards that need kernels of their own: what is compiled, and what else would serve."""

    option: str
    pattern: str
    file: str
    override: str
    visible: str
    user_visible: tuple[str, ...]
    compiled: Compiled
    substitutes: Substitutes


@dataclass(frozen=True)
class Fault:
    """Words of a failed probe, with their cause and what helps."""

    match: tuple[str, ...]
    cause: str
    words: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Toolkit:
    """What lets an engine pass the cards on: its program, how to install it and set it up."""

    tool: str
    install: str
    configure: str


@dataclass(frozen=True)
class Host:
    """What to do on the host: where the driver is missing, and where it is there and fails."""

    driver: str
    repair: str
    toolkit: Toolkit | None = None


@dataclass(frozen=True)
class Mode:
    """A row: one way to compute, which `MENTATOR_BACKEND` can demand by its name."""

    name: str
    title: str
    get_llama: str | bool
    container: Container
    vendor: Vendor | None = None
    candidates: tuple[Candidate, ...] = ()
    signs: tuple[Sign, ...] = ()
    library: Library | None = None
    driver_files: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()
    environment: Environment = Environment()
    targets: Targets | None = None
    host: Host | None = None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Table:
    """All rows, in the order of preference; the last one needs no hardware."""

    about: str
    modes: tuple[Mode, ...]
    faults: tuple[Fault, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The modes' names."""
        return tuple(mode.name for mode in self.modes)

    @property
    def demands(self) -> tuple[str, ...]:
        """What `MENTATOR_BACKEND` may be."""
        return (AUTO, *self.names)

    @property
    def fallback(self) -> Mode:
        """The row that every machine can run: the CPU."""
        return self.modes[-1]

    def mode(self, name: str) -> Mode:
        """The row of that name. Raises `UsageError`, which lists the rows."""
        for mode in self.modes:
            if mode.name == name:
                return mode
        raise UsageError(
            f"There is no backend {name!r}.", next=f"Choose: {', '.join(self.demands)}."
        )


@cache
def read(path: Path = FILE) -> Table:
    """The table in a file. Raises `UsageError`, which names the row and the key of a fault."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read.", why=str(error)) from None
    rows = data.get("modes") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise json_rows.fault("modes", "must be a list of rows")
    table = json_rows.row(Table, {**data, "modes": []}, "")
    names = [row.get("name", n) if isinstance(row, dict) else n for n, row in enumerate(rows, 1)]
    pairs = zip(names, rows, strict=True)
    modes = (json_rows.row(Mode, row, f"row {name}: ") for name, row in pairs)
    table = replace(table, modes=tuple(modes))
    table_checks.check(table)
    return table
