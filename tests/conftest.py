"""Shared by all tests: the settings in force, the engine, the image under test, our flags."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from scripts import docker_engine as engines
from scripts.docker_engine import Engine, EngineOptions
from scripts.image import record as records
from scripts.shared import settings_sources
from scripts.shared.interruption import listen
from scripts.shared.settings import Settings
from tests import containers


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-hardware",
        action="store_true",
        help="fail instead of skip where a smoke test's GPU is missing",
    )
    parser.addoption(
        "--record",
        type=Path,
        help="put what a GPU smoke test measures into this document (docs/hardware.md)",
    )


def pytest_configure() -> None:
    """Prepare the environment: no proxy for loopback, and signals that fixtures can clean up after.

    Programs that the tests start can be interrupted, as from a terminal.
    A shell starts a background job with SIGINT ignored, nohup a program with SIGHUP ignored, and an
    ignored signal is inherited.
    """
    # The services under test listen on this machine: a proxy of the shell must not get the calls.
    listen()
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1,localhost,::1")))
    usual: dict[signal.Signals, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGHUP: signal.SIG_DFL,
    }
    for number, handler in usual.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.hookimpl(optionalhook=True)  # xdist's
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run the tests that need an engine one after the other."""
    from tests.scheduling import EngineTestsLast

    return EngineTestsLast(config, log)


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The settings as the tasks would read them."""
    return settings_sources.load().settings


@pytest.fixture(scope="session")
def engine_options(settings: Settings) -> EngineOptions:
    """Where an engine is searched, and whether one may be installed."""
    return EngineOptions(settings.engine_path(), settings.yes)


@pytest.fixture(scope="session")
def engine(engine_options: EngineOptions) -> Engine:
    """A real engine, started where none runs; without one the test fails."""
    found = engines.ensure(engine_options)
    containers.remove_stale(found)
    return found


@pytest.fixture(scope="session")
def image() -> dict[str, Any]:
    """The record of the image built last; without one the test fails."""
    return records.image()
