"""What the pipeline says to a person: plain lines, echoed commands, waits and copy bars."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tqdm import tqdm

#: Seconds between two lines of a wait or a copy where the output is no terminal.
PLAIN_INTERVAL = 5.0


def say(line: str) -> None:
    """Print one line at once (CI logs are read while they grow)."""
    print(line, flush=True)


def warn(line: str) -> None:
    """Print one warning to stderr."""
    print(f"warning: {line}", file=sys.stderr, flush=True)


def echo(argv: Sequence[str]) -> None:
    """Print a command, quoted so that it can be pasted into a shell."""
    print(f"$ {shlex.join(argv)}", flush=True)


def is_terminal() -> bool:
    """Whether a person watches: progress is drawn there, and printed in plain lines elsewhere."""
    return sys.stderr.isatty()


def wait_until(
    what: str, ready: Callable[[], bool], *, timeout: float, interval: float = 0.2
) -> bool:
    """Poll `ready` every `interval` seconds and show what is waited for, and for how long.

    Returns whether it became ready within `timeout` seconds; what `ready` raises passes through.
    """
    began = time.monotonic()
    printed = began
    drawn = False
    try:
        while not ready():
            now = time.monotonic()
            if now - began >= timeout:
                return False
            if is_terminal():
                drawn = True
                print(f"\r{what} ... {now - began:.0f} s", end="", file=sys.stderr, flush=True)
            elif now - printed >= PLAIN_INTERVAL:
                printed = now
                say(f"{what} ... {now - began:.0f} s")
            time.sleep(interval)
        return True
    finally:
        if drawn:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


@contextmanager
def byte_bar(what: str, total: int | None, done: int = 0) -> Iterator[Callable[[int], None]]:
    """A progress bar in bytes with rate and time left; plain lines where there is no terminal.

    Yields a function that takes each further count of bytes; a negative count goes back.
    """
    bar = tqdm(
        total=total,
        initial=done,
        desc=what,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        disable=not is_terminal(),
        leave=False,
    )
    seen = done
    printed = time.monotonic()

    def advance(count: int) -> None:
        nonlocal seen, printed
        seen += count
        bar.update(count)
        now = time.monotonic()
        if bar.disable and now - printed >= PLAIN_INTERVAL:
            printed = now
            share = f" of {size(total)} ({100 * seen // total} %)" if total else ""
            say(f"{what}: {size(seen)}{share}")

    with bar:
        yield advance


def size(count: float) -> str:
    """A count of bytes for a person, in the SI units that Docker's own tools print."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")
