"""Runs other programs: argv lists only, stopped in steps, failures reported in full."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from scripts.shared.console import echo
from scripts.shared.errors import CommandFailed

#: Seconds that an interrupted child has to end by itself, and then after SIGTERM.
GRACE = 10.0

PROC = Path("/proc")
#: Seconds between two looks whether a process has ended.
POLL = 0.02

#: Bytes of a stream passed over at once.
CHUNK = 1 << 20


@dataclass(frozen=True)
class Result:
    """A finished command: exit status and its decoded output, without the final newline."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str


#: Changes of a child's environment: None takes a variable out.
Environment = Mapping[str, str | None]


def capture(
    argv: Sequence[str],
    *,
    env: Environment | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    stdin: str | None = None,
    grace: float | None = None,
    end_with_us: bool = False,
) -> Result:
    """Run silently and return output and status; 127 for a program that is not there.

    124 after `timeout` seconds, as timeout(1) has it. Never raises for a bad status. The command
    gets a session of its own: when it is ended early, all that it started is ended with it. With
    `end_with_us` it gets SIGTERM even where this process is killed (Linux).
    """
    # Files, not pipes: a command that outlives us must be able to write while it cleans up.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            child = subprocess.Popen(
                _tied(argv) if end_with_us else argv,
                env=_environment(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            return Result(tuple(argv), 127, "", str(error))
        except PermissionError as error:
            # A folder of PATH that this user may not read gives it for a program that is not there.
            there = "/" in argv[0] or shutil.which(argv[0], mode=os.F_OK)
            return Result(tuple(argv), 126 if there else 127, "", str(error))
        # Not `with child`, which waits: nothing ends a process in D state (a tool on a lost card).
        try:
            child.communicate(None if stdin is None else stdin.encode(), timeout)
        except subprocess.TimeoutExpired:
            stop(child, group=True, grace=grace)
            return Result(tuple(argv), 124, "", f"no answer within {timeout:g} s")
        except BaseException:
            stop(child, group=True, grace=grace)
            raise
        return Result(tuple(argv), child.returncode, _text(out), _text(err))


def _text(file: IO[bytes]) -> str:
    """What was written, with the line ends that text files have, without the last one."""
    file.seek(0)
    text = file.read().decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    return text.rstrip("\n")


def check(
    argv: Sequence[str],
    *,
    env: Environment | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    stdin: str | None = None,
) -> str:
    """Like `capture`, but a bad status raises `CommandFailed`; returns standard output."""
    result = capture(argv, env=env, cwd=cwd, timeout=timeout, stdin=stdin)
    if result.code != 0:
        raise CommandFailed(
            f"`{' '.join(argv[:4])} ...` exited with {result.code}.",
            why=(result.err or result.out)[-2000:],
        )
    return result.out


def run(
    argv: Sequence[str],
    *,
    env: Environment | None = None,
    cwd: Path | None = None,
    quiet: bool = False,
    end_with_us: bool = False,
) -> int:
    """Echo a command, run it on this terminal and return its exit status.

    `end_with_us` is as for `capture`.

    On Ctrl-C the child, which gets the signal from the terminal as well, is given time to clean
    up; then it is ended, and `KeyboardInterrupt` is raised again.
    """
    if not quiet:
        echo(argv)
    # On a terminal it stays in our group: it may ask there, and Ctrl-C reaches all of its programs.
    own = not sys.stdin.isatty()
    argv = _tied(argv) if end_with_us else argv
    child = _start(argv, env=_environment(env), cwd=cwd, start_new_session=own)
    try:
        return child.wait()
    except BaseException:
        stop(child, first=signal.SIGINT, group=own)
        raise


def stop(
    child: subprocess.Popen[Any],
    first: signal.Signals = signal.SIGTERM,
    *,
    group: bool = False,
    grace: float | None = None,
) -> None:
    """End a child in steps: `first`, SIGTERM, SIGKILL, with `grace` seconds between them.

    With `group` every step is for all of its process group, which it leads, and waited for is
    until none of it is left: programs that outlive the child are ended, too. A second Ctrl-C takes
    the next step at once.
    """
    for step in (first, signal.SIGTERM, signal.SIGKILL):
        if _ended(child, group=group):
            return
        _send(child, step, group=group)
        end = time.monotonic() + (GRACE if grace is None else grace)
        try:
            while not _ended(child, group=group) and time.monotonic() < end:
                time.sleep(POLL)
        except KeyboardInterrupt:
            continue


def _ended(child: subprocess.Popen[Any], *, group: bool) -> bool:
    if child.poll() is None:
        return False
    return not (group and _members(child.pid))


def _members(group: int) -> bool:
    """Whether a process of the group runs; a zombie does not: some PID 1 keep them."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # one that has changed its user
        pass
    if not PROC.is_dir():
        return True
    for path in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its_group, *_ = path.read_text(errors="replace").rpartition(")")[2].split()
            if int(its_group) == group and state not in "ZX":
                return True
    return False


def _send(child: subprocess.Popen[Any], step: signal.Signals, *, group: bool) -> None:
    if not group:
        child.send_signal(step)
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, step)


def _start(argv: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(argv, **how)
    except FileNotFoundError as error:
        raise CommandFailed(f"`{argv[0]}` is not installed.", why=str(error)) from None
    except PermissionError as error:
        raise CommandFailed(f"`{argv[0]}` cannot be run.", why=str(error)) from None


def _tied(argv: Sequence[str]) -> Sequence[str]:
    """The command, started by a program of util-linux that asks the kernel for that signal."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--", *argv] if setpriv else argv


def _environment(more: Environment | None) -> dict[str, str] | None:
    if more is None:
        return None
    merged = {**os.environ, **more}
    return {name: value for name, value in merged.items() if value is not None}


def replace(argv: Sequence[str]) -> NoReturn:
    """Run a program in the place of this process, whose exit status is then the program's."""
    sys.stdout.flush()
    os.execv(argv[0], list(argv))  # noqa: S606 - no shell is wanted


@contextmanager
def stream(argv: Sequence[str]) -> Iterator[IO[bytes]]:
    """Run a command and yield its standard output while it comes.

    A reader that stops early ends it; a bad status after a full read raises `CommandFailed`.
    """
    # A file takes all error output; a pipe that is not read would block the command.
    with tempfile.TemporaryFile() as errors:
        child = _start(argv, stdout=subprocess.PIPE, stderr=errors, start_new_session=True)
        assert child.stdout  # noqa: S101 - PIPE above
        try:
            yield child.stdout
            while child.stdout.read(CHUNK):
                pass
            if child.wait() != 0:
                errors.seek(0)
                why = errors.read().decode(errors="replace").strip()
                raise CommandFailed(f"`{' '.join(argv[:4])} ...` failed.", why=why[-2000:])
        finally:
            child.stdout.close()
            stop(child, group=True)
