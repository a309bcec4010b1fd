"""Which Docker engine the pipeline uses, is it good enough, how is one started or installed.

`ensure` gives an `Engine` and may start or install one; `find` only looks. `start`, `stop` and
`status` are the tasks `engine.*`; `start` is `ensure`, which does nothing where one answers.
"""

from scripts.docker_engine.handle import Engine
from scripts.docker_engine.overview import status
from scripts.docker_engine.resolve import ensure, find, start, stop

__all__ = ["Engine", "ensure", "find", "start", "status", "stop"]
