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


def test_a_bug_is_called_one_and_keeps_its_traceback_in_a_file(folder: Path) -> None:
    done = invoke(folder, "broken")
    assert done.returncode == 70
    assert "Traceback" not in done.stderr
    what, why, _ = done.stderr.splitlines()
    assert what == "error: This is a bug in the pipeline: RuntimeError: a bug of ours"
    kept = Path(why.removeprefix("  why:  Its traceback is in ").removesuffix("."))
    assert "raise RuntimeError" in kept.read_text()
    kept.unlink()


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("PermissionError(13, 'Permission denied', '/a/cache')", 15, "/a/cache cannot be used."),
        ("FileExistsError(17, 'File exists', '/a/file')", 15, "a folder is needed"),
        ("NotADirectoryError(20, 'Not a directory', b'/a/b')", 15, "/a/b cannot be used."),
        ("OSError(30, 'Read-only file system', '/a')", 15, "read-only"),
        ("OSError(28, 'No space left on device')", 7, "No space is left"),
        ("UnicodeEncodeError('ascii', 'ä', 0, 1, 'not in range')", 15, "Set a UTF-8 locale"),
    ],
)
def test_what_the_system_refuses_is_told_without_a_traceback(
    folder: Path, kind: str, code: int, words: str
) -> None:
    (folder / "tasks.py").write_text(f"{TASKS}\n@task()\ndef refused(_):\n    raise {kind}\n")
    done = invoke(folder, "refused")
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert words in done.stderr
    assert "  next: " in done.stderr


def test_a_reader_that_has_ended_is_no_fault(folder: Path) -> None:
    with subprocess.Popen(
        argv(folder, "good"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        told = process.stderr.read()
    assert (process.returncode, told) == (141, "")


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_name_that_the_terminal_cannot_show_is_escaped(folder: Path, encoding: str) -> None:
    body = "    print('Ω \\udcff')\n"
    (folder / "tasks.py").write_text(f"{TASKS}\n@task()\ndef named(_):\n{body}", encoding="utf-8")
    done = subprocess.run(
        argv(folder, "named"),
        env={**environment(), "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    omega = b"\\u03a9" if encoding == "ascii" else "Ω".encode()
    assert done.stdout == omega + b" \\udcff\n"


def test_invokes_own_dry_is_refused_because_it_would_change_things(folder: Path) -> None:
    done = invoke(folder, "--dry", "good")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: Invoke's --dry has no effect")


def test_a_value_that_looks_like_a_flag_is_refused(folder: Path) -> None:
    done = invoke(folder, "flags", "--who", "--help")
    assert done.returncode == 2
    assert "who = '--help' begins with '-'" in done.stderr


def test_an_unknown_variable_is_told_once_and_stops_nothing(folder: Path) -> None:
    done = subprocess.run(
        argv(folder, "good", "flags"),
        env={**environment(), "MENTATOR_PROT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("good\n")
    assert done.stderr == (
        "warning: Unknown setting MENTATOR_PROT (environment), it has no effect. "
        "Did you mean MENTATOR_PORT?\n"
    )


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
