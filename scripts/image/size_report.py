"""`./mentator size`: the built image's layers as a table, and its budget."""

from __future__ import annotations

from scripts import docker_engine as engine
from scripts.backends import table as backends
from scripts.docker_engine import EngineOptions
from scripts.image import budget as size_budget
from scripts.image import record as records
from scripts.image import size as image_size
from scripts.shared.console import say
from scripts.shared.errors import OverBudget


def show(options: EngineOptions, *, check: bool) -> None:
    """Print the table, compare with the budget. Raises `OverBudget`."""
    record = records.image()
    docker = engine.ensure(options)
    sizes = image_size.measure(docker, record["digest"])
    say(image_size.table(sizes))
    if check:
        targets = size_budget.targets(docker, record["digest"], backends.read())
        limit = size_budget.read().limit(record["variant"], targets)
        try:
            say(size_budget.check(record["variant"], sizes.compressed, limit))
        except OverBudget:
            say("its largest files:")
            say(size_budget.table(size_budget.largest(docker, record["digest"])))
            raise
