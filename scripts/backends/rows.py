"""A row of docker/backends.json and its parts, typed; docs/add-a-backend.md explains each key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from scripts.backends.card_rows import Integrated, Targets, Vendor
from scripts.backends.expressions import Expression, compile_expression
from scripts.backends.row import (
    Flag,
    Folder,
    Name,
    OptionalVariable,
    PathPattern,
    Row,
    Variable,
)


class Prebuilt(Row, frozen=True):
    """What a package's plugin holds: machine code and PTX, by CUDA architecture (`90`)."""

    source: str
    machine_code: tuple[str, ...]
    ptx: tuple[str, ...] = ()


class Driver(Row, frozen=True):
    """The oldest driver that a candidate runs on, and compiles its PTX; where that is written."""

    minimum: str
    source: str
    ptx_minimum: str = ""


class Compile(Row, frozen=True):
    """How a prebuilt candidate is compiled instead, and the flags of `build` that ask for it."""

    sdk: str
    option: Flag
    architectures: Flag


class Candidate(Row, frozen=True):
    """One plugin of ggml in a folder of its own; `sdk` is what it is always compiled with."""

    name: Name
    prebuilt: Prebuilt | None = None
    compile: Compile | None = None
    driver: Driver | None = None
    sdk: str = ""


class EngineRuntime(Row, frozen=True):
    """What an engine that can pass the cards on names: a runtime, or a kind of CDI device."""

    name: str
    device: str


class Container(Row, frozen=True):
    """How a container is given the hardware."""

    profile: str
    run: tuple[str, ...] = ()
    engine_runtime: EngineRuntime | None = None
    remedy: str = ""
    visible: tuple[Variable, ...] = ()


class Sign(Row, frozen=True):
    """One way to see that the hardware is there: a tool that answers, nodes that are there, or a
    variable of the container with which a user names a driver.

    `cards` says who can read the targets of the cards: `kfd` is scripts/host/kfd.py.
    """

    tool: tuple[str, ...] = ()
    columns: tuple[Literal["name", "memory", "driver", "mig"], ...] = ()
    no_device: tuple[str, ...] = ()
    library_hint: str = ""
    nodes: tuple[PathPattern, ...] = ()
    needs_library: bool = False
    cards: Literal["", "kfd"] = ""
    variable: OptionalVariable = ""

    def __post_init__(self) -> None:
        if [bool(self.tool), bool(self.nodes), bool(self.variable)].count(True) != 1:
            raise ValueError("A sign must have either a tool, nodes or a variable")


class Library(Row, frozen=True):
    """The driver's library; the loader knows where it is."""

    name: str


class Environment(Row, frozen=True):
    """Variables for the service: fixed, only where the user set none, and folders of the data."""

    set: Mapping[Variable, str] = {}
    default: Mapping[Variable, str] = {}
    folders: Mapping[Variable, Folder] = {}


class Fault(Row, frozen=True):
    """Words of a failed probe, with their cause and what helps; `wait`: it may pass by itself."""

    match: tuple[Expression, ...]
    cause: str
    words: str = ""
    remedy: str = ""
    wait: bool = False

    def __post_init__(self) -> None:
        if self.words not in ("", "keep"):
            _check_groups("words", self.words, 1)


class Toolkit(Row, frozen=True):
    """What lets an engine pass the cards on: its program, how to install it and set it up."""

    tool: str
    install: str
    configure: str


class Host(Row, frozen=True):
    """What to do on the host: where the driver is missing, and where it is there and fails."""

    driver: str
    repair: str
    toolkit: Toolkit | None = None


class Mode(Row, frozen=True):
    """A row: one way to compute, which `MENTATOR_BACKEND` can demand by its name."""

    name: Name
    title: str
    get_llama: str | bool
    container: Container
    vendor: Vendor | None = None
    vendors: tuple[Vendor, ...] = ()
    device_line: str = ""
    candidates: tuple[Candidate, ...] = ()
    signs: tuple[Sign, ...] = ()
    library: Library | None = None
    driver_files: tuple[PathPattern, ...] = ()
    watch: tuple[PathPattern, ...] = ()
    environment: Environment = Environment()
    select: Variable | None = None
    targets: Targets | None = None
    integrated: Integrated | None = None
    host: Host = Host("", "")
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        if self.library is None and any(sign.needs_library for sign in self.signs):
            raise ValueError("A sign has needsLibrary, but the row names no library")
        if self.device_line:
            _check_groups("deviceLine", self.device_line, 3)


def _check_groups(key: str, text: str, groups: int) -> None:
    try:
        found = compile_expression(text).groups
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
    if found != groups:
        raise ValueError(f"{key} must have {groups} groups, and has {found}")
