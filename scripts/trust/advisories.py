"""Reads one advisory of OSV: how bad it is, and whether a version without the fault exists."""

from __future__ import annotations

import math
import re
from typing import Any

from scripts.trust.sbom_packages import Package

#: What is critical: CVSS 3.1, table 14.
CRITICAL = 9.0

#: CVSS 3.1, table 16: the weights of the base metrics.
WEIGHTS = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
PRIVILEGES = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}


def is_critical(advisory: dict[str, Any]) -> bool | None:
    """By the publisher's word or a CVSS 3 vector, whichever is worse; None where neither says."""
    specific = advisory.get("database_specific")
    word = specific.get("severity") if isinstance(specific, dict) else None
    said = [word.upper() == "CRITICAL"] if isinstance(word, str) and word else []
    rows = advisory.get("severity")
    for row in rows if isinstance(rows, list) else []:
        score = base_score(str(row.get("score"))) if isinstance(row, dict) else None
        said += [] if score is None else [score >= CRITICAL]
    return any(said) if said else None


def fixed_in(advisory: dict[str, Any], package: Package) -> list[str]:
    """The versions that do not have the fault any more; empty where there is none yet."""
    versions: list[str] = []
    for affected in _objects(advisory.get("affected")):
        of = affected.get("package")
        if not isinstance(of, dict) or of.get("ecosystem") != package.ecosystem:
            continue
        if _plain(of.get("name")) != _plain(package.name):
            continue
        for span in _objects(affected.get("ranges")):
            if span.get("type") != "GIT":  # its events are commits, no versions
                events = _objects(span.get("events"))
                versions += [str(event["fixed"]) for event in events if "fixed" in event]
    return versions


def base_score(vector: str) -> float | None:
    """The base score of a CVSS 3 vector (CVSS 3.1, 7.1); None for any other text."""
    if not re.match(r"CVSS:3\.[01]/", vector):
        return None
    metrics = dict(part.split(":", 1) for part in vector.split("/") if ":" in part)
    try:
        weight = {name: weights[metrics[name]] for name, weights in WEIGHTS.items()}
        changed = metrics["S"] == "C"
        privileges = PRIVILEGES[metrics["S"]][metrics["PR"]]
    except KeyError:
        return None
    base = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15 if changed else 6.42 * base
    if impact <= 0:
        return 0.0
    exploit = 8.22 * weight["AV"] * weight["AC"] * privileges * weight["UI"]
    total = min((1.08 if changed else 1.0) * (impact + exploit), 10.0)
    # Rounded up to one digit, in whole numbers as appendix A asks for.
    whole = round(total * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (math.floor(whole / 10_000) + 1) / 10


def _plain(name: Any) -> str:
    """A name as PyPI compares names, where `a_b`, `A.B` and `a-b` are one."""
    return re.sub(r"[-_.]+", "-", str(name)).lower()


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
