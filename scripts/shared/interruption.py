"""Signals that end a job, as the exception that Ctrl-C raises: clean-up runs on every way out."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: A cancelled CI job or a shutdown; a terminal that was closed.
SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `KeyboardInterrupt` at the first of the signals; what handled them before returns."""
    before = listen()
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def listen() -> dict[signal.Signals, Any]:
    """The same until the process ends; returns what handled the signals before.

    An ignored signal stays ignored: nohup(1) asks for that.
    """
    found = {name: signal.getsignal(name) for name in SIGNALS}
    before = {name: handler for name, handler in found.items() if handler is not signal.SIG_IGN}
    for name in before:
        signal.signal(name, _interrupt)
    return before


def _interrupt(*_: object) -> None:
    # CI sends another one while clean-up runs, which must not be cut short. Not SIG_IGN: children
    # would inherit it.
    for name in SIGNALS:
        signal.signal(name, _pass)
    raise KeyboardInterrupt


def _pass(*_: object) -> None:
    pass
