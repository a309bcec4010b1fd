"""The engine: does one answer that is good enough, and has its store the room for a build."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.docker_engine import Engine, versions
from scripts.docker_engine.decision import START, Install, Use, decide, describe
from scripts.doctor.finding import Finding, Scene, State
from scripts.shared import commands
from scripts.shared.console import size
from scripts.shared.errors import EngineError
from scripts.shared.task_command import task_command

#: Bytes that a first build of the cpu variant takes in the engine's store: bases, packages, the
#: application, and the default model (0.7 GB) as a layer, compressed and unpacked. An estimate.
BUILD_ROOM = 6_000_000_000

#: The same of the universal variant with ROCm for one target: docs/ci.md has the parts.
UNIVERSAL_ROOM = 18_000_000_000


def answering(scene: Scene) -> Finding:
    """An engine that answers, or what stands in the way of one."""
    try:
        step = decide(scene.survey)
    except EngineError as error:
        detail = " ".join(part for part in (error.what, error.why) if part)
        return Finding("engine", "fail", detail, error.next)
    if isinstance(step, Use):
        server = (scene.survey.own if step.own else scene.survey.default).server
        return Finding("engine", "pass", f"{describe(step)}, version {server}")
    if isinstance(step, Install):
        return Finding("engine", "fail", describe(step), task_command(START))
    return Finding("engine", "warn", describe(step), task_command(START))


def buildx(scene: Scene) -> Finding:
    """The buildx plugin, at its floor or above."""
    found = scene.survey.buildx
    floor = versions.BUILDX_FLOOR
    if found is None:
        return Finding("buildx", "fail", f"not installed, {floor} needed", task_command(START))
    if found < floor:
        return Finding("buildx", "fail", f"{found}, {floor} needed", "Upgrade buildx.")
    return Finding("buildx", "pass", str(found))


def disk(scene: Scene) -> Finding:
    """Room for a build where the engine keeps its images."""
    folder = _store(scene.engine, scene.survey.folder / "data")
    if folder is None:
        return Finding("disk", "pass", "the engine's store is not on this machine's file systems")
    return judge_disk(folder, shutil.disk_usage(folder).free)


def judge_disk(folder: Path, free: int) -> Finding:
    """Enough is a pass; less is a warning, since a warm cache needs less; a tenth is a failure."""
    needs = f"{size(BUILD_ROOM)} (cpu), {size(UNIVERSAL_ROOM)} (universal)"
    detail = f"{size(free)} free in {folder}, a first build needs about {needs}"
    if free >= BUILD_ROOM:
        return Finding("disk", "pass", detail)
    state: State = "fail" if free < BUILD_ROOM // 10 else "warn"
    return Finding("disk", state, detail, "docker builder prune, docker image prune")


def _store(found: Engine | None, planned: Path) -> Path | None:
    """The engine's data root, or the nearest folder that is there already; None if it is remote."""
    root = planned
    if found is not None:
        info = commands.capture(found.argv("info", "--format", "{{.DockerRootDir}}"), timeout=20)
        root = Path(info.out.strip() or planned)
        if not root.exists():  # a remote engine's, or Docker Desktop's inside its machine
            return None
    return next(path for path in (root, *root.parents) if path.exists())
