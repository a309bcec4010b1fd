"""Is this machine ready: `examine` looks, `report` tells, `run` is the task and fails by it.

Nothing is started, installed or changed. A new check is a function in one of the modules here and
a row in `CHECKS`; each kind of hardware has a check by its row in the table of backends.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from scripts.backends import table as backends
from scripts.doctor import docker, gpus, machine, reach
from scripts.doctor.finding import Finding, Scene
from scripts.shared.console import say
from scripts.shared.errors import DoctorFailed

CHECKS: tuple[Callable[[Scene], Finding], ...] = (
    docker.answering,
    docker.buildx,
    docker.disk,
    machine.memory,
    reach.registry,
    reach.hugging_face,
    machine.ca,
    machine.model,
)


def examine(folder: Path, ca_bundle: str) -> list[Finding]:
    """All findings: the table's, then one for each kind of hardware; arguments as for `run`."""
    scene = Scene.of(folder, ca_bundle)
    return [_look(check, scene) for check in (*CHECKS, *gpus.checks(backends.read()))]


def _look(check: Callable[[Scene], Finding], scene: Scene) -> Finding:
    """One finding; a file that this user may not see is one, too, and does not end the others."""
    try:
        return check(scene)
    except OSError as error:
        name = getattr(check, "__name__", "check")
        return Finding(name, "warn", f"cannot be seen by this user: {error}")


def report(findings: list[Finding], as_json: bool = False) -> str:
    """The findings as a table for a person, or as a JSON list."""
    if as_json:
        return json.dumps([vars(finding) for finding in findings], indent=2)
    width = max((len(finding.name) for finding in findings), default=0)
    lines = []
    for row in findings:
        lines.append(f"{row.state}  {row.name:<{width}}  {row.detail}")
        lines += [f"      {'':<{width}}  next: {row.next}"] if row.next else []
    return "\n".join(lines)


def run(folder: Path, ca_bundle: str, *, as_json: bool = False) -> None:
    """The task `doctor`: print the findings, then `require` them.

    `folder` is that of the project's own engine, `ca_bundle` the setting.
    """
    findings = examine(folder, ca_bundle)
    say(report(findings, as_json))
    require(findings)


def require(findings: list[Finding]) -> None:
    """Raise `DoctorFailed` where a finding is a failure."""
    failed = [finding for finding in findings if finding.state == "fail"]
    if failed:
        raise DoctorFailed(
            f"{len(failed)} of {len(findings)} checks failed: {', '.join(f.name for f in failed)}.",
            next=next((finding.next for finding in failed if finding.next), ""),
        )
