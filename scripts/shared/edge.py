"""The edge: flags become settings, and errors become a message and an exit code; nowhere else.

`tasks.py` declares its tasks with `task` from here instead of Invoke's own.
"""

from __future__ import annotations

import functools
import inspect
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from invoke.context import Context
from invoke.exceptions import Exit, ParseError
from invoke.tasks import Task

from scripts.shared import settings, settings_sources
from scripts.shared.console import warn
from scripts.shared.errors import OutputClosed, UsageError
from scripts.shared.interruption import interruptible
from scripts.shared.settings import Choices, Loaded
from scripts.shared.settings_values import require_no_flag
from scripts.shared.unexpected import explain


def task(
    *names: str, choices: Choices | None = None, lenient: bool = False, **texts: str
) -> Callable[[Callable[..., None]], Task[Callable[..., None]]]:
    """Declare a task: `names` are the settings that it has flags for, `texts` helps by flag.

    The body is called with the settings in force, then with its own flags. A setting's flag takes
    its help from the setting, unless `texts` has another. `choices` and `lenient` are those of
    `settings_sources.load`.
    """

    def declare(body: Callable[..., None]) -> Task[Callable[..., None]]:
        helps = {name: settings.help_text(name, choices, texts.get(name, "")) for name in names}
        # No short flags: Invoke would take whatever letter is left, as -h for --cache-to.
        return Task(
            with_edge(body, names, choices, lenient=lenient),
            help={name.replace("_", "-"): text for name, text in (texts | helps).items()},
            iterable=[name for name in names if settings.is_repeatable(name)],
            auto_shortflags=False,
        )

    return declare


def with_edge(
    body: Callable[..., None],
    names: Sequence[str] = (),
    choices: Choices | None = None,
    *,
    lenient: bool = False,
) -> Callable[..., None]:
    """Wrap a task's body; Invoke reads the flags from the signature that it is given."""

    @functools.wraps(body)
    def wrapped(context: Any, **flags: Any) -> None:
        with edge(), interruptible():
            _require_no_dry(context)
            given = {name: flags.pop(name, None) for name in names}
            for name, value in flags.items():
                if isinstance(value, str):
                    require_no_flag(value, f"{name} = {value!r}")
            loaded = _load(given, choices, lenient=lenient)
            for warning in loaded.warnings:
                _warn_once(warning)
            body(loaded, **flags)

    wrapped.__signature__ = _signature(body, names)  # type: ignore[attr-defined]
    return wrapped


@contextmanager
def edge() -> Iterator[None]:
    """The one way out: an error of any kind becomes a message and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file's name may hold what this terminal's encoding lacks.
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
        sys.stdout.flush()
    except (Exit, ParseError):
        raise
    except (Exception, KeyboardInterrupt) as error:
        fault = explain(error)
        if isinstance(fault, OutputClosed):
            # Nobody is there to read a message; nor may Python try to write at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise Exit(code=fault.exit_code) from None
        raise Exit(fault.message(), code=fault.exit_code) from None


@functools.cache
def _warn_once(text: str) -> None:
    warn(text)


def _require_no_dry(context: Any) -> None:
    """Refuse Invoke's own --dry: it would be ignored, and the task would change things."""
    if isinstance(context, Context) and context.config.run.dry:
        raise UsageError(
            "Invoke's --dry has no effect on these tasks.",
            next="build and publish have a flag --dry, which stands after the task's name.",
        )


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


def _load(flags: dict[str, Any], choices: Choices | None, *, lenient: bool) -> Loaded:
    """The settings in force; a switch that is not set and an empty list were not given."""
    given = {
        name: tuple(value) if isinstance(value, list) else value or None
        for name, value in flags.items()
    }
    return settings_sources.load(given, choices=choices, lenient=lenient)
