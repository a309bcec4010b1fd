"""The edge: flags become settings, and errors become a message and an exit code; nowhere else.

`tasks.py` declares its tasks with `task` from here instead of Invoke's own.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from invoke.exceptions import Exit
from invoke.tasks import Task

from scripts.shared import settings, settings_sources
from scripts.shared.errors import Interrupted, PipelineError
from scripts.shared.interruption import interruptible
from scripts.shared.settings import Choices, Loaded


def task(
    *names: str, choices: Choices | None = None, **texts: str
) -> Callable[[Callable[..., None]], Task[Callable[..., None]]]:
    """Declare a task: `names` are the settings that it has flags for, `texts` helps by flag.

    The body is called with the settings in force, then with its own flags. A setting's flag takes
    its help from the setting, unless `texts` has another. `choices` are those of
    `settings_sources.load`.
    """

    def declare(body: Callable[..., None]) -> Task[Callable[..., None]]:
        helps = {name: settings.help_text(name, choices) for name in names} | texts
        # No short flags: Invoke would take whatever letter is left, as -h for --cache-to.
        return Task(
            with_edge(body, names, choices),
            help={name.replace("_", "-"): text for name, text in helps.items()},
            iterable=[name for name in names if settings.is_repeatable(name)],
            auto_shortflags=False,
        )

    return declare


def with_edge(
    body: Callable[..., None], names: Sequence[str] = (), choices: Choices | None = None
) -> Callable[..., None]:
    """Wrap a task's body; Invoke reads the flags from the signature that it is given."""

    @functools.wraps(body)
    def wrapped(_: Any, **flags: Any) -> None:
        try:
            with interruptible():
                body(_load({name: flags.pop(name, None) for name in names}, choices), **flags)
        except PipelineError as error:
            raise Exit(error.message(), code=error.exit_code) from None
        except KeyboardInterrupt:
            interrupted = Interrupted(
                "Interrupted.", next="Run the same command again: it continues where it stopped."
            )
            raise Exit(interrupted.message(), code=interrupted.exit_code) from None

    wrapped.__signature__ = _signature(body, names)  # type: ignore[attr-defined]
    return wrapped


@contextmanager
def edge() -> Iterator[None]:
    """The same way out for what `tasks.py` needs before any task runs, such as a table."""
    try:
        yield
    except PipelineError as error:
        raise Exit(error.message(), code=error.exit_code) from None


def _signature(body: Callable[..., None], names: Sequence[str]) -> inspect.Signature:
    """The body's own flags after those of the settings; the first parameter is Invoke's context."""
    first, *own = inspect.signature(body).parameters.values()
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    flags = [
        inspect.Parameter(name, kind, default=False if settings.is_switch(name) else None)
        for name in names
    ]
    return inspect.Signature([first, *sorted([*flags, *own], key=_is_optional)])


def _is_optional(parameter: inspect.Parameter) -> bool:
    return parameter.default is not inspect.Parameter.empty


def _load(flags: dict[str, Any], choices: Choices | None) -> Loaded:
    """The settings in force; a switch that is not set and an empty list were not given."""
    given = {
        name: tuple(value) if isinstance(value, list) else value or None
        for name, value in flags.items()
    }
    return settings_sources.load(given, choices=choices)
