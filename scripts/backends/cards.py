"""What each of the usual cards gets, by the table of backends: the table in docs/hardware.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.backends.rows import Candidate, Mode
from scripts.backends.table import Table, read
from scripts.shared.paths import REPOSITORY

PAGE = REPOSITORY / "docs" / "hardware.md"
BEGIN, END = "<!-- cards: made by scripts/backends/cards.py -->", "<!-- /cards -->"

#: Of a processor's own graphics.
MEASURED = "if it is faster than the CPU (measured at the first start)"


@dataclass(frozen=True)
class Card:
    """`kind` is the compute capability (`8.9`), or AMD's target; empty for other vendors.

    `device` is the PCI number of one whose age decides, `units` the compute units of a processor's
    own graphics. Mesa's Vulkan driver refuses a `compute_only` one, without graphics (Mesa 25.0,
    radv_is_gpu_supported).
    """

    names: str
    vendor: str
    kind: str = ""
    device: str = ""
    units: int = 0
    compute_only: bool = False


#: Compute capabilities: NVIDIA's list of CUDA GPUs. Targets: LLVM, AMDGPUUsage.
CARDS = (
    Card("RTX 5090, 5080, 5070, 5060", "NVIDIA", "12.0"),
    Card("RTX PRO 6000 Blackwell", "NVIDIA", "12.0"),
    Card("B200", "NVIDIA", "10.0"),
    Card("H100, H200", "NVIDIA", "9.0"),
    Card("RTX 4090, 4080, 4070, 4060", "NVIDIA", "8.9"),
    Card("L4, L40S, RTX 6000 Ada", "NVIDIA", "8.9"),
    Card("RTX 3090, 3080, 3070, 3060", "NVIDIA", "8.6"),
    Card("A10, A40, RTX A6000", "NVIDIA", "8.6"),
    Card("A100", "NVIDIA", "8.0"),
    Card("RTX 2080, 2070, 2060; GTX 1660, 1650", "NVIDIA", "7.5"),
    Card("T4", "NVIDIA", "7.5"),
    Card("V100, Titan V", "NVIDIA", "7.0"),
    Card("GTX 1080, 1070, 1060; P40", "NVIDIA", "6.1"),
    Card("P100", "NVIDIA", "6.0"),
    Card("GTX 980, 970; M40", "NVIDIA", "5.2"),
    Card("GTX 750", "NVIDIA", "5.0", device="0x1381"),
    Card("Tesla K80", "NVIDIA", "3.7", device="0x102d"),
    Card("RX 9070 XT, 9070", "AMD", "gfx1201"),
    Card("RX 9060 XT", "AMD", "gfx1200"),
    Card("RX 7900 XTX, 7900 XT", "AMD", "gfx1100"),
    Card("RX 7800 XT, 7700 XT", "AMD", "gfx1101"),
    Card("RX 7600", "AMD", "gfx1102"),
    Card("RX 6900 XT, 6800 XT", "AMD", "gfx1030"),
    Card("RX 6700 XT", "AMD", "gfx1031"),
    Card("RX 6600", "AMD", "gfx1032"),
    Card("RX 5700 XT", "AMD", "gfx1010"),
    Card("Radeon VII, MI50", "AMD", "gfx906"),
    Card("RX Vega 64", "AMD", "gfx900"),
    Card("RX 580, 480", "AMD", "gfx803"),
    Card("MI300X", "AMD", "gfx942", compute_only=True),
    Card("MI250", "AMD", "gfx90a", compute_only=True),
    Card("Radeon 8060S (Strix Halo)", "AMD", "gfx1151", units=40),
    Card("Radeon 780M", "AMD", "gfx1103", units=12),
    Card("Ryzen 7000 and 9000, the processors' display", "AMD", "gfx1036", units=2),
    Card("Arc B580, A770", "Intel"),
    Card("Iris Xe, UHD (processors' own)", "Intel", units=96),
)


def render(table: Table) -> str:
    """The Markdown table."""
    rows = ["| card | kind | gets | why |", "|---|---|---|---|"]
    for card in CARDS:
        gets, why = judge(table, card)
        rows.append(f"| {card.vendor} {card.names} | {card.kind} | {gets} | {why} |")
    return "\n".join(rows)


def page(text: str, table: Table) -> str:
    """The page with the table of today between its two marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{render(table)}\n{END}{rest.partition(END)[2]}"


def judge(table: Table, card: Card) -> tuple[str, str]:
    """What a card gets, and why."""
    why: list[str] = []
    for mode in table.modes:
        if mode.vendor is None and mode.candidates and card.compute_only:
            why.append(f"{mode.title}'s driver refuses cards without graphics")
        elif mode.vendor is None and mode.candidates:
            own = f", {MEASURED}" if mode.integrated and card.units else ""
            return f"`{mode.name}`", "; ".join([*why, f"{mode.title} is for every vendor{own}"])
        if mode.vendor is None or mode.vendor.name != card.vendor:
            continue
        served, reason = _judge_mode(mode, card)
        why.append(reason)
        if served:
            return served, reason
    return f"`{table.fallback.name}`", "; ".join(why) or "no backend of the image is for it"


def _judge_mode(mode: Mode, card: Card) -> tuple[str, str]:
    """The candidate, empty where none serves; and why."""
    old = mode.vendor.unserved if mode.vendor else None
    if old and card.device and int(card.device, 16) < int(old.below, 16):
        return "", old.cause
    if mode.targets is not None:
        return _judge_target(mode, card)
    found = [
        (each.name, reason)
        for each in mode.candidates
        if (reason := _judge_capability(each, card.kind))
    ]
    if not found:
        return "", "no plugin holds code for it"
    (name, reason), *others = found
    return f"`{name}`", "; ".join([reason, *(f"else `{name}`: {why}" for name, why in others[:1])])


def _judge_capability(candidate: Candidate, kind: str) -> str:
    """Why a prebuilt plugin serves a compute capability; empty where it does not.

    Machine code runs on the same major version, from its minor version on. PTX runs on all later
    ones: the driver compiles it (CUDA C++ Programming Guide, "Compute Capabilities").
    """
    code, driver = candidate.prebuilt, candidate.driver
    if code is None or driver is None:
        return ""
    wanted = int(kind.replace(".", ""))
    fits = [int(name) for name in code.machine_code if wanted - wanted % 10 <= int(name) <= wanted]
    if fits:
        return f"machine code for {_dotted(max(fits))}, with driver {driver.minimum} or later"
    ptx = [int(name) for name in code.ptx if int(name) <= wanted]
    if ptx:
        first = f"PTX for {_dotted(max(ptx))}, which the driver compiles at the first start"
        return f"{first}, with driver {driver.ptx_minimum or driver.minimum} or later"
    return ""


def _dotted(version: int) -> str:
    return f"{version // 10}.{version % 10}"


def _judge_target(mode: Mode, card: Card) -> tuple[str, str]:
    targets, own = mode.targets, mode.integrated
    if targets is None:
        return "", ""
    if targets.unserved and targets.unserved.pattern.fullmatch(card.kind):
        return "", f"no kernels: {targets.unserved.cause}"
    integrated = own is not None and card.kind in own.targets
    if integrated and own is not None and card.units < own.minimum_units:
        return "", f"{card.units} compute units, which are slower than the processor"
    name = next(_kernels(mode, card.kind), "")
    if not name:
        return "", f"the SDK of the packages has no kernels for {card.kind}"
    whose = "kernels of its own" if name == card.kind else f"the kernels for {name}"
    measured = f", {MEASURED}" if integrated else ""
    return f"`{mode.candidates[0].name}`", whose + measured


def _kernels(mode: Mode, kind: str) -> Iterator[str]:
    if mode.targets is not None:
        names = (kind, *mode.targets.substitutes.names.get(kind, ()))
        yield from (name for name in names if name in mode.targets.compiled.names)


def write(path: Path = PAGE) -> None:
    """Bring the page up to date (the test of the page says how to call this)."""
    path.write_text(page(path.read_text(encoding="utf-8"), read()), encoding="utf-8")
