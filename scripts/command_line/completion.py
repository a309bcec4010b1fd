"""What may stand next on a command line that is not finished: tasks, flags, values of settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.shared.errors import UsageError

#: One script for each shell; they ask `--complete` of the program that is being typed.
SHELLS = {path.suffix[1:]: path for path in sorted((Path(__file__).parent / "shells").iterdir())}


def script(shell: str) -> str:
    """The completion script of a shell. Raises `UsageError` for one that has none."""
    if shell not in SHELLS:
        raise UsageError(
            f"There is no completion for the shell {shell!r}.",
            next=f"There is one for {', '.join(SHELLS)}.",
        )
    return SHELLS[shell].read_text(encoding="utf-8")


def candidates(
    words: Sequence[str],
    contexts: Mapping[str, Any],
    core: Mapping[str, Any],
    choices: Mapping[str, Sequence[str]],
) -> list[str]:
    """What the last of `words`, which may be empty, can become; nothing where it is a file.

    `words` follow the program's name. `contexts` are Invoke's, by task; `core` the flags before
    any task; `choices` the values of settings.
    """
    *before, last = words or [""]
    # bash takes `--variant=cpu` apart at the sign.
    before = [word for word in before if word != "="]
    last = "" if last == "=" else last
    flags, texts, waits = core, 0, ""
    task = ""
    for word in before:
        name, given, _ = word.partition("=")
        if waits:
            waits = ""
        elif name in flags:
            waits = name if flags[name].takes_value and not given else ""
        elif texts:
            texts -= 1
        elif word in contexts:
            task, flags = word, contexts[word].flags
            texts = len(contexts[word].positional_args)
    if waits:
        return _values(flags[waits], choices, last)
    name, given, part = last.partition("=")
    if given and name in flags:
        return [f"{name}={value}" for value in _values(flags[name], choices, part)]
    if last.startswith("-") or (task and not texts and not last):
        return [flag for flag in (*_long(flags), "--help") if flag.startswith(last)]
    return [] if texts else sorted(name for name in contexts if name.startswith(last))


def _long(flags: Mapping[str, Any]) -> list[str]:
    hidden = ("--help", "--complete")
    return sorted(flag for flag in flags if flag.startswith("--") and flag not in hidden)


def _values(argument: Any, choices: Mapping[str, Sequence[str]], part: str) -> list[str]:
    known = choices.get(argument.name.replace("-", "_"), ())
    return [value for value in known if value.startswith(part)]
