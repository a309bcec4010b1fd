"""How this user starts a task: messages that name a next step write it in that way."""

from __future__ import annotations

import sys
from pathlib import Path

#: What is named where the pipeline runs as a part of another program, such as pytest.
LAUNCHER = "./mentator"

#: Invoke's own programs, which are in the pipeline's environment.
INVOKE = ("invoke", "inv")

#: The launcher as it was typed; empty where Invoke's own program runs.
_typed: list[str] = []


def remember(program: str) -> None:
    """Keep the launcher's name as it was typed, e.g. `../mentator`."""
    _typed[:] = [program]


def task_command(task: str) -> str:
    """The command line of a task, e.g. `./mentator build` or `invoke build`."""
    if _typed:
        return f"{_typed[0]} {task}"
    program = Path(sys.argv[0])
    # `python -m invoke` has the path of the package's __main__.py.
    name = program.parent.name if program.name == "__main__.py" else program.name
    return f"{'invoke' if name in INVOKE else LAUNCHER} {task}"
