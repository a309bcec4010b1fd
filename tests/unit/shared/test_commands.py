from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.shared import commands
from scripts.shared.console import wait_until
from scripts.shared.errors import CommandFailed

#: Children that say when they are ready, so that no signal comes too early.
SLEEPER = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = (
    # print() must not be entered again by a second signal.
    "import os, signal, time\n"
    "for name in ('SIGINT', 'SIGTERM'):\n"
    "    signal.signal(getattr(signal, name), lambda *_: os.write(1, name.encode() + b'\\n'))\n"
    "print('ready', flush=True)\n"
    "while True: time.sleep(60)\n"
)
TERMINABLE = (
    "import signal, sys, time\n"
    "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
    "print('ready', flush=True)\n"
    "time.sleep(60)\n"
)


def python(code: str, *words: str) -> list[str]:
    return [sys.executable, "-c", code, *words]


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "GRACE", 0.3)


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Children that a test started; none is left, whatever the test came to."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for child in started:
        child.kill()
        child.wait()
        if child.stdout:
            child.stdout.close()


def start(children: list[subprocess.Popen[bytes]], code: str) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(python(code), stdout=subprocess.PIPE)
    children.append(child)
    assert child.stdout
    assert child.stdout.readline() == b"ready\n"
    return child


def test_capture_returns_status_and_output_without_the_last_newline() -> None:
    code = "import sys; print('out\\n'); print('err', file=sys.stderr); sys.exit(3)"
    argv = python(code)
    assert commands.capture(argv) == commands.Result(tuple(argv), 3, "out", "err")


def test_capture_reads_invalid_utf8() -> None:
    result = commands.capture(python("import sys; sys.stdout.buffer.write(b'a\\xffb')"))
    assert result.out == "a\ufffdb"


def test_capture_adds_to_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONE", "1")
    code = "import os; print(os.environ['ONE'], os.environ['TWO'], os.getcwd())"
    result = commands.capture(python(code), env={"TWO": "2"}, cwd=tmp_path)
    assert result.out == f"1 2 {tmp_path.resolve()}"


def test_capture_gives_stdin_or_none_at_all() -> None:
    code = "import sys; print(repr(sys.stdin.read()))"
    assert commands.capture(python(code)).out == "''"
    assert commands.capture(python(code), stdin="words").out == "'words'"


def test_capture_of_a_missing_program_is_127() -> None:
    result = commands.capture(["no-such-program-anywhere"])
    assert result.code == 127
    assert "no-such-program-anywhere" in result.err


def test_capture_of_a_file_that_is_no_program_is_126(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no program")
    result = commands.capture([str(tmp_path / "file")])
    assert result.code == 126
    assert "Permission denied" in result.err


def test_capture_ends_a_command_that_takes_too_long() -> None:
    began = time.monotonic()
    result = commands.capture(python("import time; time.sleep(60)"), timeout=0.3)
    assert result.code == 124
    assert result.err == "no answer within 0.3 s"
    assert time.monotonic() - began < 20


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_command_that_nothing_ends_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """As nvidia-smi on a lost card, which no signal ends."""
    groups = []
    monkeypatch.setattr(os, "killpg", lambda *sent: groups.append(sent[0]))
    result = commands.capture(python("import time; time.sleep(60)"), timeout=0.2, grace=0.05)
    assert result.code == 124
    monkeypatch.undo()
    assert os.waitpid(groups[0], os.WNOHANG) == (0, 0), "it runs"
    os.killpg(groups[0], signal.SIGKILL)
    os.waitpid(groups[0], 0)


def test_check_returns_output_or_raises_with_the_commands_own_words() -> None:
    assert commands.check(python("print('fine')")) == "fine"
    code = "import sys; print('out'); print('the reason', file=sys.stderr); sys.exit(4)"
    with pytest.raises(CommandFailed) as caught:
        commands.check(python(code))
    assert "exited with 4" in caught.value.what
    assert caught.value.why == "the reason"


def test_check_falls_back_to_standard_output() -> None:
    with pytest.raises(CommandFailed) as caught:
        commands.check(python("print('on stdout'); raise SystemExit(1)"))
    assert caught.value.why == "on stdout"


def test_run_echoes_a_command_that_can_be_pasted(capfd: pytest.CaptureFixture[str]) -> None:
    code = "import sys; print(sys.argv[1]); sys.exit(7)"
    assert commands.run(python(code, "two words")) == 7
    echoed, answer = capfd.readouterr().out.splitlines()
    assert echoed.startswith("$ ")
    assert echoed.endswith(" 'two words'")
    assert answer == "two words"
    assert commands.capture(["sh", "-c", echoed.removeprefix("$ ")]).out == "two words"


def test_run_quietly_echoes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert commands.run(["true"], quiet=True) == 0
    assert capfd.readouterr().out == ""


def test_run_names_a_program_that_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as caught:
        commands.run(["no-such-program-anywhere"], quiet=True)
    assert "`no-such-program-anywhere`" in caught.value.what
    (tmp_path / "file").write_text("no program")
    with pytest.raises(CommandFailed) as caught:
        commands.run([str(tmp_path / "file")], quiet=True)
    assert "Permission denied" in caught.value.why


def test_run_interrupted_gives_the_child_time_to_clean_up(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time\n"
        "try:\n"
        "    pathlib.Path(sys.argv[1], 'ready').touch()\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    time.sleep(0.5)\n"  # longer than the 0.25 s that Popen.wait itself allows
        "    pathlib.Path(sys.argv[1], 'clean').touch()\n"
    )
    ready = tmp_path / "ready"
    thread = threading.Thread(target=interrupt_when, args=(ready,))
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        commands.run(python(code, str(tmp_path)), quiet=True)
    thread.join()
    assert (tmp_path / "clean").exists()


def interrupt_when(path: Path) -> None:
    for _ in range(400):
        if path.exists():
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            return
        time.sleep(0.05)


def test_stop_ends_a_child_at_the_first_signal(children: list[subprocess.Popen[bytes]]) -> None:
    child = start(children, SLEEPER)
    commands.stop(child)
    assert child.returncode == -signal.SIGTERM


@pytest.mark.usefixtures("short_grace")
def test_stop_continues_with_sigterm(children: list[subprocess.Popen[bytes]]) -> None:
    child = start(children, TERMINABLE)
    commands.stop(child, first=signal.SIGINT)
    assert child.returncode == 5


@pytest.mark.usefixtures("short_grace")
def test_stop_kills_what_ignores_everything(children: list[subprocess.Popen[bytes]]) -> None:
    child = start(children, STUBBORN)
    commands.stop(child, first=signal.SIGINT)
    assert child.returncode == -signal.SIGKILL
    assert child.stdout
    assert len(child.stdout.read().splitlines()) == 2, "both signals came before the kill"


def test_stop_ignores_a_finished_child(children: list[subprocess.Popen[bytes]]) -> None:
    child = start(children, "print('ready', flush=True); raise SystemExit(3)")
    child.wait()
    commands.stop(child)
    assert child.returncode == 3


def test_stream_yields_output_while_it_comes() -> None:
    with commands.stream(python("print('one', flush=True); print('two')")) as out:
        assert out.readline() == b"one\n"
        assert out.read() == b"two\n"


def test_stream_raises_for_a_bad_status_after_the_output() -> None:
    code = "import sys; print('half'); print('disk full', file=sys.stderr); sys.exit(1)"
    with pytest.raises(CommandFailed) as caught, commands.stream(python(code)) as out:
        assert out.read() == b"half\n"
    assert caught.value.why == "disk full"


def test_stream_reads_what_its_reader_left() -> None:
    with commands.stream(python("print('x' * 1000000)")) as out:
        assert out.read(1) == b"x"


def test_stream_ends_a_command_whose_reader_gave_up() -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    stream = commands.stream(python(code))
    pid = int(stream.__enter__().readline())
    os.kill(pid, 0)
    enough = ValueError("enough")
    assert not stream.__exit__(ValueError, enough, None), "the reader's own error goes on"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_stream_handles_much_error_output() -> None:
    """More on standard error than a pipe holds (64 KiB) before anything on standard output."""
    code = "import sys; sys.stderr.write('x' * 300000); sys.stderr.flush(); print('done')"
    with commands.stream(python(code)) as out:
        assert out.read() == b"done\n"


def test_stream_of_a_missing_program_names_it() -> None:
    with (
        pytest.raises(CommandFailed, match="no-such-program-anywhere"),
        commands.stream(["no-such-program-anywhere"]),
    ):
        pass


#: A shell whose own child ignores signals, and so outlives it.
FAMILY = (
    "sh -c 'trap \"\" {ignored}; echo $$ >{file}; while :; do sleep 0.05; done' & echo ready; {end}"
)


def family_is_gone(file: Path) -> bool:
    stat = Path("/proc") / file.read_text().strip() / "stat"
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def wait_for(file: Path) -> None:
    assert wait_until("", lambda: file.exists() and bool(file.read_text()), timeout=10)


@pytest.mark.usefixtures("short_grace")
@pytest.mark.parametrize("ignored", ["INT", "INT TERM HUP"])
def test_a_command_that_is_ended_leaves_no_process(tmp_path: Path, ignored: str) -> None:
    """The second child outlives its shell, which ends at SIGTERM."""
    file = tmp_path / "pid"
    argv = ["sh", "-c", FAMILY.format(file=file, ignored=ignored, end="exec sleep 60")]
    result = commands.capture(argv, timeout=1.0)
    assert result.code == 124
    assert family_is_gone(file)


def test_an_interrupted_capture_gives_time_to_clean_up_and_leaves_no_process(
    tmp_path: Path,
) -> None:
    file, clean = tmp_path / "pid", tmp_path / "clean"
    text = f"trap 'sleep 0.5; touch {clean}; exit' TERM; " + FAMILY.format(
        file=file, ignored="INT", end="wait"
    )
    thread = threading.Thread(target=interrupt_when, args=(file,))
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        commands.capture(["sh", "-c", text])
    thread.join()
    assert clean.exists()
    assert family_is_gone(file)


def test_a_stream_whose_reader_gave_up_leaves_no_process(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    stream = commands.stream(["sh", "-c", FAMILY.format(file=file, ignored="INT", end="wait")])
    assert stream.__enter__().readline() == b"ready\n"
    wait_for(file)
    stream.__exit__(ValueError, ValueError("enough"), None)
    assert family_is_gone(file)


def test_a_variable_can_be_taken_out_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNWANTED", "1")
    code = "import os; print(os.environ.get('UNWANTED'), os.environ['OTHER'])"
    assert commands.capture(python(code), env={"UNWANTED": None, "OTHER": "2"}).out == "None 2"


def test_a_program_that_is_not_there_is_missing_also_beside_a_closed_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "nvidia-smi")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commands.capture(["nvidia-smi"]).code == 127
    (tmp_path / "nvidia-smi").write_text("not executable")
    assert commands.capture(["nvidia-smi"]).code == 126
    assert commands.capture([str(tmp_path / "nvidia-smi")]).code == 126
