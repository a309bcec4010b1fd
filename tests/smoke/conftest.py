"""The data folder of the smoke tests, and the record of their results, for `publish`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.backends import table as backends
from scripts.image import record as records
from tests import containers

#: Outcomes of this pytest run by hardware: `test_cpu.py` is the smoke test of `cpu`.
_outcomes: dict[str, set[str]] = {}


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty data folder that belongs to root, as an operator would mount it."""
    with containers.folder(tmp_path_factory.mktemp("smoke") / "data") as path:
        yield path


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    path = Path(report.fspath)
    if path.parent.name != "smoke":
        return  # pytest calls this hook for every test
    hardware = path.stem.removeprefix("test_")
    if report.when == "call" or report.outcome != "passed":
        _outcomes.setdefault(hardware, set()).add(report.outcome)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write `build/smoke.json`, but not when only some tests ran (-k, one test by name)."""
    if hasattr(session.config, "workerinput"):
        return  # a worker of xdist: the process that started it sees the results of all
    options = session.config.option
    partial = options.keyword or options.markexpr or any("::" in arg for arg in session.config.args)
    if partial or not _outcomes or options.collectonly:
        return
    digest = records.read(records.IMAGE).get("digest", "")
    before = records.read(records.SMOKE)
    results = before.get("results", {}) if before.get("digest") == digest else {}
    for hardware in backends.read().names:
        if hardware in _outcomes:
            results[hardware] = verdict(_outcomes[hardware])
    records.write(records.SMOKE, {"digest": digest, "results": results})


def verdict(outcomes: set[str]) -> str:
    """The result of one file: failed if any test failed; skipped if all were skipped."""
    if "failed" in outcomes:
        return "failed"
    return "passed" if "passed" in outcomes else "skipped"
