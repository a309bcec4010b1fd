"""Which Docker engine the pipeline uses, is it good enough, how is one started or installed.

All other rooms call `ensure`, which gives an `Engine` and may start or install one, or `find`,
which only looks. `start`, `stop` and `status` are the tasks `engine.*`. This room may start
processes that outlive the pipeline (`process.py`), use the distribution's package manager
(`install.py`, `apt.py`) and write into the folder of the project's own engine; it changes nothing
else of the host.
"""

from scripts.docker_engine.handle import Engine, EngineOptions
from scripts.docker_engine.overview import status
from scripts.docker_engine.resolve import ensure, find, start, stop, usable

__all__ = ["Engine", "EngineOptions", "ensure", "find", "start", "status", "stop", "usable"]
