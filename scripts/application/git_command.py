"""Runs git for the rest of this room, the same way under any configuration and environment."""

from __future__ import annotations

from scripts.shared import commands
from scripts.shared.commands import Result

#: git asks no questions, speaks English, and shows the commits as they are (no `git replace`).
ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}

#: What names another repository or another part of it, as in the environment of a hook
#: (`git rev-parse --local-env-vars`). Configuration that a user passes on (GIT_CONFIG_COUNT) stays.
UNSET = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CEILING_DIRECTORIES",
    "GIT_DEFAULT_HASH",
)

#: The files of a checkout are those of the commit: no hooks, no line ends of another system.
OPTIONS = tuple(
    word
    for setting in (
        "core.hooksPath=/dev/null",
        "core.autocrlf=false",
        "core.eol=lf",
        "core.attributesFile=/dev/null",
    )
    for word in ("-c", setting)
)


def git(*arguments: str, options: tuple[str, ...] = OPTIONS) -> Result:
    """Run git with these arguments; 127 where it is not installed.

    Only plumbing commands print the same under each configuration: `log` and `show` do not.
    """
    unset = [word for name in UNSET for word in ("-u", name)]
    return commands.capture(["env", *unset, "git", *options, *arguments], env=ENVIRONMENT)
