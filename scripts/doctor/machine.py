"""The machine itself: memory, CA bundle, a model that is there already."""

from __future__ import annotations

import re
from pathlib import Path

from scripts.doctor.finding import Finding, Scene, State
from scripts.host import ca_bundle
from scripts.shared.console import size
from scripts.shared.errors import UsageError
from scripts.shared.paths import BUILD

#: Bytes of memory: the default model with its context, and Node (0.33 GB seen with a small model);
#: below the lower one even that does not fit. An estimate.
COMFORT, NEED = 3_000_000_000, 1_000_000_000


def memory(_: Scene) -> Finding:
    """Memory that programs can still have."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return Finding("memory", "pass", "not asked: this system has no /proc/meminfo")
    return judge_memory(available(text))


def available(meminfo: str) -> int:
    """Bytes of `MemAvailable` in /proc/meminfo; 0 if it is not there."""
    match = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo, re.MULTILINE)
    return int(match[1]) * 1024 if match else 0


def judge_memory(count: int) -> Finding:
    """Judge by what the default model and its service need."""
    detail = f"{size(count)} available"
    if count >= COMFORT:
        return Finding("memory", "pass", detail)
    state: State = "fail" if count < NEED else "warn"
    return Finding("memory", state, f"{detail}, {size(COMFORT)} wanted", "End other programs.")


def ca(scene: Scene) -> Finding:
    """The CA bundle that a build gets as a secret."""
    try:
        found = ca_bundle.find(scene.ca_bundle)
    except UsageError as error:
        return Finding("CA bundle", "fail", error.what, "Correct the setting ca_bundle.")
    if found is None:
        detail = "none found: HTTPS inside the build may fail"
        return Finding("CA bundle", "warn", detail, "Install ca-certificates, or set ca_bundle.")
    return Finding("CA bundle", "pass", str(found))


def model(_: Scene) -> Finding:
    """A model staged by an earlier build."""
    return judge_model(sorted((BUILD / "context").glob("model-*/*.gguf")))


def judge_model(staged: list[Path]) -> Finding:
    """None is a pass as well: a build finds or fetches one."""
    if not staged:
        return Finding("model", "pass", "none staged yet: the build finds or fetches one")
    names = ", ".join(f"{path.name} ({size(path.stat().st_size)})" for path in staged)
    return Finding("model", "pass", f"staged: {names}")
