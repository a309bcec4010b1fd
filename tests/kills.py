"""Ends a stand-in's making, or `up` from nothing, at random moments: `nox -s kills -- --help`.

After each kill no program that was started may run and nothing may be mounted in the cache; after
TERM and INT no unfinished folder and no container may be left. At the end a whole run must succeed,
and clear away what the KILLs left. Signals go to the process alone, as CI sends them, or to its
group, as a terminal does.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts import docker_engine as engines
from scripts.docker_engine import Engine, mounts
from scripts.shared import commands, settings_sources
from scripts.shared.console import say, wait_until
from scripts.shared.interruption import interruptible
from scripts.shared.paths import REPOSITORY
from tests.containers import free_port

#: A variable that all descendants inherit: the processes that have it are what is left of a run.
MARK = "KILLS_RUN"

#: Seconds until everything must have ended after a signal: mmdebstrap unmounts and deletes first.
SETTLE = 90.0

IMAGE = "kills/kills"

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGHUP)


@dataclass(frozen=True)
class Subject:
    """What is killed: its command, its cache, its container's name (or none), what marks it."""

    argv: Sequence[str]
    cache: Path
    container: str
    mark: str

    def start(self) -> subprocess.Popen[bytes]:
        """Start it in a group of its own, without a terminal."""
        environ = {
            **os.environ,
            MARK: self.mark,
            "MENTATOR_CACHE_DIR": str(self.cache),
            "MENTATOR_NAME": self.container or "kills",
            "MENTATOR_PORT": str(free_port()),
            "MENTATOR_DATA": str(self.cache / "data"),
            "MENTATOR_VARIANT": "cpu",
            "MENTATOR_BASES": "packages",
            "MENTATOR_IMAGE": IMAGE,
            "MENTATOR_YES": "1",
        }
        with (self.cache / "output.log").open("ab") as log:
            return subprocess.Popen(
                self.argv, cwd=REPOSITORY, env=environ, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip

    def left(self) -> list[str]:
        """The programs of earlier runs that still run."""
        mark, found = f"{MARK}={self.mark}".encode(), []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    argv = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    found.append(f"{entry.name} {argv.decode(errors='replace')[:80]}")
            except OSError:
                continue
        return found

    def drafts(self) -> list[Path]:
        """Unfinished folders in the cache, and those of mmdebstrap elsewhere."""
        elsewhere = Path(tempfile.gettempdir()).glob("mmdebstrap.*")
        return [*(self.cache / "bases").glob(".*-*"), *elsewhere]

    def container_id(self) -> str:
        """Its container, running or not; empty where there is none."""
        if not self.container:
            return ""
        form = ("--format", "{{.Id}}")
        return commands.capture(docker("container", "inspect", *form, self.container)).out.strip()

    def remove(self) -> None:
        """Remove the container and the images that it made."""
        if self.container:
            commands.capture(docker("rm", "--force", "--volumes", self.container))
            tags = commands.capture(docker("images", "--format", "{{.Repository}}:{{.Tag}}", IMAGE))
            for tag in tags.out.split():
                commands.capture(docker("image", "rm", tag))


def docker(*words: str) -> list[str]:
    """A command for the engine that `up` uses, which must run before the first kill."""
    found = engines.find(settings_sources.load().settings.engine_path())
    return (found or Engine.of_client()).argv(*words)


def kill_once(subject: Subject, after: float, how: signal.Signals, *, group: bool) -> list[str]:
    """Start it, kill it `after` seconds; returns the faults that are left."""
    before = (
        subject.container_id()
    )  # of a run that KILL ended; the next one that starts one removes it
    process = subject.start()
    try:
        process.wait(after)
        return [f"it ended before the signal, with {process.returncode}"]
    except subprocess.TimeoutExpired:
        (os.killpg if group else os.kill)(process.pid, how)
    process.wait(SETTLE)
    faults = []
    if not wait_until(
        "waiting for its programs to end", lambda: not subject.left(), timeout=SETTLE
    ):
        faults += [f"runs: {line}" for line in subject.left()]
    faults += [f"mounted: {point}" for point in mounts.left([subject.cache])]
    if how is not signal.SIGKILL:
        faults += [f"is there: {path}" for path in subject.drafts()]
        if subject.container_id() not in ("", before):
            faults.append(f"is there: the container {subject.container}")
    return faults


def make_stand_in(cache: Path) -> None:
    """Make the stand-in of Node's image in `cache`; the subject of `--what stand-in`."""
    from scripts import bases

    chosen = bases.choose("packages", "24")
    bases.provide(chosen, cache, yes=True)


def main() -> int:
    """Kill, look, and run it whole at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--what", choices=("stand-in", "up"), default="stand-in")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--within", type=float, default=25.0, help="seconds until the last kill")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        with interruptible():
            make_stand_in(options.make)
        return 0
    with tempfile.TemporaryDirectory(prefix="mentator-kills-") as name:
        cache = Path(name)
        making = [sys.executable, "-m", "tests.kills", "--make", name]
        up = options.what == "up"
        subject = Subject(
            [sys.executable, "-m", "invoke", "up"] if up else making,
            cache,
            "mentator-kills" if up else "",
            uuid.uuid4().hex,
        )
        try:
            return kill_often(subject, options.count, options.within, random.Random(options.seed))  # noqa: S311
        finally:
            subject.remove()


def kill_often(subject: Subject, count: int, within: float, chance: random.Random) -> int:
    """The exit code: 1 where something was left, or the whole run failed."""
    bad = 0
    for number in range(count):
        how, group = SIGNALS[number % len(SIGNALS)], chance.random() < 0.5
        after = chance.uniform(0.3, within)
        faults = kill_once(subject, after, how, group=group)
        bad += bool(faults)
        whom = "group" if group else "process"
        say(f"{number + 1:2} {how.name} to the {whom} after {after:.1f} s: {faults or 'clean'}")
    began = time.monotonic()
    code = subject.start().wait()
    left = [*subject.drafts(), *mounts.left([subject.cache]), *subject.left()]
    say(f"whole run: exit {code} after {time.monotonic() - began:.0f} s, left: {left or 'nothing'}")
    if code:
        say((subject.cache / "output.log").read_text(errors="replace")[-2000:])
    return 1 if bad or code or left else 0


if __name__ == "__main__":
    sys.exit(main())
