"""Runs all comparisons and prints one line each: `nox -s bench`."""

from __future__ import annotations

import statistics
import sys

from scripts import build, engine, records
from scripts import settings as settings_module
from scripts.bench import builds, staging, starting, weight
from scripts.console import say
from scripts.errors import PipelineError


def main() -> None:
    """Build the image once, then measure."""
    settings = settings_module.load({"yes": True}).settings
    docker = engine.ensure(settings)
    build.build(settings)
    record = records.image()
    say("")
    say(builds.no_change(docker, settings).line())
    say(staging.staged().line())
    ratio, own = starting.to_healthy(docker, record["digest"])
    say(ratio.line())
    idle = starting.nothing(docker, record["digest"])
    say(f"docker run of the same image, doing nothing: {statistics.median(idle):.3f} s")
    say(f"entrypoint's own part: {statistics.median(own):.0f} ms (aim <= 150 ms)")
    say(weight.compressed(docker, record).line())
    say(builds.after_an_edit(docker, settings).line())


if __name__ == "__main__":
    try:
        main()
    except PipelineError as error:
        sys.exit(error.message())
