"""The choice of a backend: its cost without a GPU, and the time of one successful probe."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scripts.shared import commands
from scripts.shared.errors import CommandFailed
from scripts.shared.paths import REPOSITORY
from tests.bench.ratio import Ratio, time_in_turn
from tests.bench.subject import Subject

#: A fake nvidia-smi that reports a card, and a backend that computes on the CPU in its place.
SMI = "#!/bin/sh\necho 'NVIDIA L4, 23034 MiB, 580.65.06'\n"
STAND_IN = REPOSITORY / "tests" / "image" / "stand_in_backend.c"

#: Ends the service right after the choice, because this configuration does not exist.
EXIT_AT_ONCE = ("--conf-use", "/no/such/file")


def start_without_gpu(subject: Subject, cpu_digest: str, runs: int = 9) -> Ratio:
    """Seconds until the entrypoint has chosen, universal against the cpu variant."""

    def start(digest: str) -> None:
        argv = subject.docker.argv("run", "--rm", "--network", "none", digest, *EXIT_AT_ONCE)
        # Exit code 2 is the service's: the entrypoint has made its choice.
        if commands.capture(argv).code != 2:
            raise CommandFailed("A container of the benchmark stopped before the service ran.")

    start(subject.digest)
    start(cpu_digest)
    figures = time_in_turn(lambda: start(subject.digest), lambda: start(cpu_digest), runs)
    return Ratio("start without a GPU, universal", "cpu variant", *figures, "s", 1.1)


def probe(subject: Subject, runs: int = 3) -> Iterator[str]:
    """The probe's time from the log, for a backend that works: a stand-in on the CPU."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        library = folder / "backends" / "cuda13" / "libggml-cuda.so"
        library.parent.mkdir(parents=True)
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            yield "probe of one good backend: not measured, no C compiler for the stand-in"
            return
        options = ["-shared", "-fPIC", "-O1", "-DCARDS=1", "-o", str(library)]
        subprocess.run([compiler, *options, str(STAND_IN), "-ldl"], check=True)
        smi = folder / "nvidia-smi"
        smi.write_text(SMI, encoding="utf-8")
        smi.chmod(0o755)
        mounts = ["--volume", f"{smi}:/usr/bin/nvidia-smi:ro"]
        mounts += ["--volume", f"{folder}/backends:/opt/mentator/backends:ro"]
        argv = subject.docker.argv("run", "--rm", *mounts, subject.digest, *EXIT_AT_ONCE)
        figures, words = [], ""
        for _ in range(runs):
            result = commands.capture(argv)
            log = f"{result.out}\n{result.err}"
            line = re.search(r"cuda13 +proven: .*", log)
            took = re.search(r"\((\d+) ms\)|in (\d+) ms", line[0] if line else "")
            if line is None or took is None:
                yield f"probe of one good backend: not measured, it was not proven; {log[-600:]}"
                return
            figures.append(int(took[1] or took[2]))
            words = line[0]
    yield (
        f"probe of one good backend (a stand-in on the CPU): {statistics.median(figures):.0f} ms,"
        f" n={runs}, {min(figures)} to {max(figures)}; the log says: {words}"
    )
