"""Reads the command line, and runs the tasks, shows a help, or says what is wrong with it."""

from __future__ import annotations

import difflib
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NoReturn

from invoke.collection import Collection
from invoke.config import Config
from invoke.exceptions import Exit, ParseError
from invoke.executor import Executor
from invoke.parser.argument import Argument
from invoke.parser.context import ParserContext
from invoke.parser.parser import Parser
from invoke.program import Program
from invoke.util import helpline

from scripts.command_line import completion
from scripts.shared.console import say
from scripts.shared.edge import edge
from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY
from scripts.shared.task_command import remember, task_command

NAME = "Mentator"

HELP = ("--help", "-h")


def main(argv: Sequence[str]) -> NoReturn:
    """Run the command line `argv`, whose first word is the program as it was typed; exit."""
    remember(argv[0])
    code = 0
    try:
        with edge():
            import tasks  # reads the table of backends, which may fail

            CommandLine(tasks.namespace, tasks.CHOICES).run(list(argv))
    except Exit as end:
        code = end.code
        if end.message:
            print(end.message, file=sys.stderr)
    sys.exit(code)


class CommandLine(Program):
    """Invoke's program with our tasks.

    Its own global flags are left out: they are about commands that tasks run by Invoke, and ours
    run none in that way, so `--dry` would promise what is not true.
    """

    def __init__(self, tasks: Collection, choices: Mapping[str, Sequence[str]]) -> None:
        super().__init__(name=NAME, namespace=tasks)
        self.collection = tasks
        self.choices = choices

    def core_args(self) -> list[Argument]:
        """The flags before any task."""
        return [
            Argument(
                names=("help", "h"),
                kind=bool,
                default=False,
                help="Show help; after a task: its flags.",
            ),
            Argument(names=("version", "V"), kind=bool, default=False, help="Show the version."),
            Argument(names=("list", "l"), kind=bool, default=False, help="List the tasks."),
            Argument(names=("complete",), kind=bool, default=False, help="For completion scripts."),
            Argument(
                names=("print-completion-script",),
                help=f"Print the completion script for a shell: {', '.join(completion.SHELLS)}.",
            ),
        ]

    def run(self, argv: list[str] | None = None, exit: bool = True) -> None:  # noqa: A002, ARG002
        """Do what the command line asks for. Raises `UsageError`, and what the tasks raise."""
        self.normalize_argv(argv)
        words = self.argv[1:]
        contexts = self.collection.to_contexts()
        parser = Parser(contexts=contexts, initial=self.initial_context)
        if words[:2] == ["--complete", "--"]:
            flags = self.initial_context.flags
            found = completion.candidates(words[2:], parser.contexts, flags, self.choices)
            print(*found, sep="\n")
            return
        body = words[: words.index("--")] if "--" in words else words
        if any(word in HELP for word in body):
            say(self._help(parser, body))
            return
        _require_values(words, parser)
        try:
            parsed = parser.parse_argv(words)
        except ParseError as error:
            raise _explain(error, parser, words) from None
        if parsed.remainder:
            raise UsageError("Nothing may stand after `--`.", next=f"`{task_command('--help')}`")
        core = parsed.pop(0)
        if core.args["version"].value:
            say(f"{NAME} {version()}")
        elif shell := core.args["print-completion-script"].value:
            say(completion.script(shell).rstrip())
        elif core.args["list"].value or not parsed:
            say(self._overview())
        else:
            # Invoke's own files of settings have no meaning here.
            Executor(self.collection, Config(lazy=True)).execute(*parsed)

    def _help(self, parser: Parser, words: Sequence[str]) -> str:
        """The help that is asked for: of the task before the flag, of the one after it, of all."""
        place = next(index for index, word in enumerate(words) if word in HELP)
        before, after = words[:place], words[place + 1 :]
        try:
            context: ParserContext = parser.parse_argv(list(before))[-1]
        except ParseError as error:
            # What the task still needs does not matter here; a wrong word does.
            if error.context is None or error.context.name is None or "No idea" in str(error):
                raise _explain(error, parser, before) from None
            context = error.context
        if context.name is None and after:
            try:
                context = parser.contexts[after[0]]
            except KeyError:
                raise _unknown(after[0], parser.contexts) from None
        if context.name is None:
            return self._overview()
        texts = _texts(context.positional_args)
        rows = context.help_tuples()
        flags = "[--flag ...]" if rows else ""
        usage = " ".join(word for word in (task_command(context.name), texts, flags) if word)
        about = (self.collection[context.name].__doc__ or "").strip()
        listed = ["", "Flags:", *columns(rows)] if rows else []
        return "\n".join([f"Usage: {usage}", "", about, *listed])

    def _overview(self) -> str:
        names = sorted(self.collection.task_names, key=lambda name: ("." in name, name))
        flags = [row for row in self.initial_context.help_tuples() if "--complete" not in row[0]]
        about = "one image for local LLMs on CUDA, ROCm, Vulkan or CPU, and its pipeline"
        return "\n".join(
            [
                f"{NAME} {version()}: {about}.",
                "",
                f"Usage: {task_command('TASK [--flag ...] [TASK ...]')}",
                "",
                "Tasks:",
                *columns((name, helpline(self.collection[name])) for name in names),
                "",
                "Flags:",
                *columns(flags),
            ]
        )


def version() -> str:
    """The version of the image and its pipeline."""
    package = json.loads((REPOSITORY / "service" / "package.json").read_text(encoding="utf-8"))
    return str(package["version"])


def columns(rows: Iterable[tuple[str, str | None]]) -> list[str]:
    """Names and texts as lines, one a row: a narrow terminal wraps them by itself."""
    pairs = list(rows)
    width = max((len(name) for name, _ in pairs), default=0)
    return [f"  {name:<{width}}  {text or ''}".rstrip() for name, text in pairs]


def _require_values(words: Sequence[str], parser: Parser) -> None:
    """Refuse a repeatable flag without a value, which Invoke takes for one that was not given."""
    for name, context in parser.contexts.items():
        for word, after in pairwise([*words, "-"]):
            flag = context.flags.get(word) if name in words else None
            if flag is not None and flag.kind is list and after.startswith("-"):
                raise UsageError(f"{word} needs a value.", next=_help_of(name))


def _texts(arguments: Iterable[Argument]) -> str:
    return " ".join(str(argument.name).upper() for argument in arguments)


def _help_of(task: str | None) -> str:
    return f"`{task_command(f'{task} --help' if task else '--help')}`"


def _explain(error: ParseError, parser: Parser, words: Sequence[str]) -> UsageError:
    """Say of what Invoke's parser refuses in `words` what it is near to."""
    text = str(error)
    context: ParserContext | None = error.context
    name = context.name if context is not None else None
    help_ = _help_of(name)
    if text.startswith("No idea what ") and context is not None:
        word = text.removeprefix("No idea what ").removesuffix(" is!")[1:-1]
        if word.startswith("-"):
            if word not in words:  # it takes -abc for -a -b -c, and the value off --a=b
                known = [given for given in words if given.startswith(word)]
                short = [given for given in words if given[:1] == "-" != given[1:2]]
                word = (known or [given for given in short if word[1] in given] or [word])[0]
            flags = {*context.flags, *HELP}
            return _unknown(word, flags, f"Task {name} has no flag" if name else "There is no flag")
        if name and any(argument.value for argument in context.positional_args):
            return UsageError(
                f"Task {name} takes one text, and {word!r} is one more.",
                next="Put a text with spaces in quotes.",
            )
        return _unknown(word, parser.contexts)
    if "required positional arguments" in text and context is not None:
        missing = _texts(context.missing_positional_args)
        return UsageError(f"Task {name} needs {missing}.", next=f"{help_} shows what it takes.")
    if "needed value" in text and context is not None:
        # It prints the flag as `<Argument: cache-to (ct) ...>`.
        found = re.search(r"Argument: ([\w-]+)", text)
        return UsageError(f"--{found[1] if found else 'flag'} needs a value.", next=help_)
    return UsageError(text, next=help_)


def _unknown(word: str, known: Iterable[str], what: str = "There is no task") -> UsageError:
    nearest = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return UsageError(
        f"{what} {word}.",
        next=f"Did you mean {nearest[0]}?" if nearest else f"`{task_command('--help')}` lists all.",
    )
