"""`invoke size`: the built image's layers as a table or a picture, and its budget."""

from __future__ import annotations

from pathlib import Path

from scripts import docker_engine as engine
from scripts.backends import table as backends
from scripts.docker_engine import EngineOptions
from scripts.image import budget as size_budget
from scripts.image import record as records
from scripts.image import size as image_size
from scripts.image import size_picture
from scripts.shared.console import say
from scripts.shared.errors import OverBudget


def show(options: EngineOptions, *, check: bool, svg: str) -> None:
    """Print the table, write the picture, compare with the budget. Raises `OverBudget`."""
    record = records.image()
    docker = engine.ensure(options)
    sizes = image_size.measure(docker, record["digest"])
    say(image_size.table(sizes))
    if svg:
        target = Path(svg).expanduser()
        title = f"{record['tags'][-1]}, {record['variant']}"
        target.write_text(size_picture.svg(sizes, title), encoding="utf-8")
        say(f"wrote {target}")
    if check:
        targets = size_budget.targets(docker, record["digest"], backends.read())
        limit = size_budget.read().limit(record["variant"], targets)
        try:
            say(size_budget.check(record["variant"], sizes.compressed, limit))
        except OverBudget:
            say("its largest files:")
            say(size_budget.table(size_budget.largest(docker, record["digest"])))
            raise
