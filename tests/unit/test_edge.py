from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.shared import settings
from scripts.shared.paths import REPOSITORY

#: A tasks.py as ours, with bodies that end in each way.
TASKS = """
import os, signal, time
from scripts.shared.edge import task
from scripts.shared.errors import ModelMissing

@task()
def good(_):
    "Say so."
    print("good")

@task()
def faulty(_):
    raise ModelMissing("No model.", why="None was named.", next="Name one.")

@task()
def interrupted(_):
    raise KeyboardInterrupt

@task()
def broken(_):
    raise RuntimeError("a bug of ours")

@task()
def waiting(_):
    try:
        print("waiting", flush=True)
        time.sleep(30)
    finally:
        print("cleaned up", flush=True)

@task()
def nested(_):
    before = signal.getsignal(signal.SIGTERM)
    good.body(None)
    print(signal.getsignal(signal.SIGTERM) is before)

@task("cache_to", "yes", "port", who="a flag of its own")
def flags(loaded, who="x"):
    settings = loaded.settings
    print(list(settings.cache_to), settings.yes, settings.port, who, loaded.origin["port"])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks.py").write_text(TASKS)
    return tmp_path


def argv(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "invoke", "--search-root", str(folder), *words]


def environment() -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("MENTATOR_")}
    return {**kept, "PYTHONPATH": str(REPOSITORY)}


def invoke(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv(folder, *words), env=environment(), capture_output=True, text=True, check=False
    )


def test_a_pipeline_error_becomes_its_message_and_exit_code(folder: Path) -> None:
    done = invoke(folder, "faulty")
    assert done.returncode == 10
    assert done.stderr == "error: No model.\n  why:  None was named.\n  next: Name one.\n"
    assert done.stdout == ""


def test_an_interrupt_is_reported_without_a_traceback(folder: Path) -> None:
    done = invoke(folder, "interrupted")
    assert done.returncode == 130
    assert done.stderr.startswith("error: Interrupted.\n")
    assert "Traceback" not in done.stderr


def test_a_bug_keeps_its_traceback(folder: Path) -> None:
    done = invoke(folder, "broken")
    assert done.returncode == 1
    assert "RuntimeError: a bug of ours" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cleans_up_and_ends_with_130(folder: Path, how: signal.Signals) -> None:
    with subprocess.Popen(
        argv(folder, "waiting"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(how)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == "cleaned up\n"
    assert err.startswith("error: Interrupted.\n  next: ")


def test_a_finished_task_gives_sigterm_back(folder: Path) -> None:
    assert invoke(folder, "nested").stdout == "good\nTrue\n"


def test_flags_of_settings_and_the_bodys_own_reach_the_body(folder: Path) -> None:
    words = ["--cache-to", "a", "--cache-to", "b,c", "--yes", "--port", "8080", "--who", "n"]
    assert invoke(folder, "flags", *words).stdout == "['a', 'b,c'] True 8080 n flag\n"
    assert invoke(folder, "flags").stdout == "[] False 19777 x default\n"


def test_the_help_of_a_settings_flag_is_the_settings_text(folder: Path) -> None:
    out = " ".join(invoke(folder, "--help", "flags").stdout.split())
    assert f"--cache-to {settings.help_text('cache_to')}" in out
    assert f"--port=STRING {settings.help_text('port')}" in out
    assert f"--yes {settings.help_text('yes')}" in out
    assert "--who=STRING a flag of its own" in out


def test_there_are_no_short_flags(folder: Path) -> None:
    done = invoke(folder, "flags", "-w", "n")
    assert done.returncode != 0
