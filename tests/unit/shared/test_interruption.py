from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.shared.console import wait_until
from scripts.shared.interruption import interruptible
from scripts.shared.paths import REPOSITORY
from tests.containers import stale

#: A test with a container, as a smoke test has one, which a file stands for.
SMOKE = """
import pathlib, time, pytest
@pytest.fixture
def container():
    file = pathlib.Path({folder!r}, "container")
    file.touch()
    yield
    time.sleep(0.5)
    file.unlink()
def test_that_takes_long(container):
    time.sleep(60)
"""


def interrupt(name: signal.Signals, clean: list[signal.Signals]) -> None:
    """Work that is ended, and told to end again while it cleans up."""
    try:
        os.kill(os.getpid(), name)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)
        clean.append(name)


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_an_interruption_and_the_next_ones_do_not_cut_clean_up(
    name: signal.Signals,
) -> None:
    before = signal.getsignal(name)
    clean: list[signal.Signals] = []
    with pytest.raises(KeyboardInterrupt), interruptible():
        interrupt(name, clean)
    assert clean == [name]
    assert signal.getsignal(name) is before


def test_a_hangup_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_tests_that_are_ended_remove_their_containers(name: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "test_smoke.py").write_text(SMOKE.format(folder=str(tmp_path)))
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    with subprocess.Popen(
        [*argv, f"--rootdir={tmp_path}", str(tmp_path / "test_smoke.py")],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
    ) as process:
        container = tmp_path / "container"
        assert wait_until("", container.exists, timeout=60)
        process.send_signal(name)
        process.send_signal(name if name is not signal.SIGINT else signal.SIGTERM)
        process.wait(60)
        assert not container.exists()


def test_the_container_of_a_test_that_was_killed_is_found(tmp_path: Path) -> None:
    (tmp_path / "17").mkdir()
    assert stale(["abc 17", "def 18"], tmp_path) == ["def"]
