"""The rows of `engine.status`: what is used, what answers, what is installed."""

from __future__ import annotations

from pathlib import Path

from scripts.docker_engine import process
from scripts.docker_engine.client import Answer
from scripts.docker_engine.decision import decide, describe
from scripts.docker_engine.folder import host
from scripts.docker_engine.survey import look
from scripts.shared.errors import EngineError


def status(folder: Path) -> list[str]:
    """The rows as lines; starts nothing, and raises nothing for a missing engine."""
    seen = look(folder)
    try:
        verdict = describe(decide(seen))
    except EngineError as error:
        verdict = " ".join(part for part in (error.what, error.why) if part)
    pid = process.find("dockerd", folder)
    endpoint = f"{seen.chosen.endpoint} ({seen.chosen.by})" if seen.chosen else "default"
    rows = [
        ("used", verdict),
        ("endpoint", f"{endpoint}: {_in_words(seen.default)}"),
        ("own engine", f"{host(folder)}: {_in_words(seen.own)}"),
        ("own process", f"pid {pid}" if pid else "none"),
        ("own data", f"{folder / 'data'}" if seen.own_made else "none yet"),
        ("own log", f"{folder / 'dockerd.log'}"),
        ("client", str(seen.client or _without_version(seen.default))),
        ("buildx", str(seen.buildx or "not installed")),
        ("dockerd", str(seen.dockerd or "not installed")),
    ]
    return [f"{name:<11}  {value}" for name, value in rows]


def _without_version(answer: Answer) -> str:
    return "installed, see endpoint" if answer.state == "refused" else "not installed"


def _in_words(answer: Answer) -> str:
    if answer.state == "answers":
        return f"answers, version {answer.server or 'unknown'}"
    return answer.detail or "no answer"
