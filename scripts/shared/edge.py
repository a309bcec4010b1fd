"""The edge: where a pipeline error becomes a message and an exit code, and nowhere else.

`tasks.py` declares its tasks with `task` from here instead of Invoke's own.
"""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from invoke.exceptions import Exit
from invoke.tasks import Task

from scripts.shared.errors import Interrupted, PipelineError


def task(
    *,
    help: Mapping[str, str] | None = None,  # noqa: A002 - Invoke's own word
    iterable: Sequence[str] = (),
) -> Callable[[Callable[..., None]], Task[Callable[..., None]]]:
    """Invoke's `task`, whose body ends with a message and an exit code on a `PipelineError`."""

    def declare(body: Callable[..., None]) -> Task[Callable[..., None]]:
        # No short flags: Invoke would take whatever letter is left, as -h for --cache-to.
        return Task(
            with_edge(body), help=dict(help or {}), iterable=list(iterable), auto_shortflags=False
        )

    return declare


def with_edge(body: Callable[..., None]) -> Callable[..., None]:
    """Wrap a task's body; its signature is kept, since Invoke reads the flags from it."""

    @functools.wraps(body)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        # SIGTERM (a cancelled CI job) takes the same way out as Ctrl-C, so clean-up runs.
        before = signal.signal(signal.SIGTERM, _raise_interrupt)
        try:
            body(*args, **kwargs)
        except PipelineError as error:
            raise Exit(error.message(), code=error.exit_code) from None
        except KeyboardInterrupt:
            cut = Interrupted("Interrupted.", next="Run the same command again: it goes on.")
            raise Exit(cut.message(), code=cut.exit_code) from None
        finally:
            signal.signal(signal.SIGTERM, before)

    return wrapped


@contextmanager
def edge() -> Iterator[None]:
    """The same way out for what `tasks.py` needs before any task runs, such as a table."""
    try:
        yield
    except PipelineError as error:
        raise Exit(error.message(), code=error.exit_code) from None


def _raise_interrupt(*_: object) -> None:
    raise KeyboardInterrupt
