"""The compiler cache: compiling again with one flag changed, cache warm against cold.

A backend takes about 20 minutes with a cold cache. This measures ccache on a smaller program of the
same source, `llama-bench`. The changed flag is one of the linker, because it affects few files.
"""

from __future__ import annotations

import re
from dataclasses import replace

from scripts.image.plan import build_argv
from scripts.shared import commands
from scripts.shared.errors import BuildFailed
from scripts.shared.paths import BUILD
from tests.bench.builds import plan_of
from tests.bench.ratio import Ratio
from tests.bench.subject import Subject

IMAGE = "mentator-bench/peers-compiled"

SCRIPT = """\
set -e
compile() {
    rm -rf /again
    cmake -S /peers -B /again -G Ninja -DCMAKE_BUILD_TYPE=Release -DLLAMA=/llama -DLIBRARIES=/out \\
        -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "$@" >/dev/null
    began=$(date +%s%N)
    cmake --build /again --target llama-bench >/dev/null
    echo "took $(( ($(date +%s%N) - began) / 1000000 ))"
}
export CCACHE_DIR=/tmp/empty
compile
compile -DCMAKE_EXE_LINKER_FLAGS=-Wl,-z,now
"""


def warm_or_cold(subject: Subject, runs: int = 2) -> Ratio:
    """Seconds of compiling alone, without CMake's configuration step."""
    metadata = BUILD / "compiler-cache.json"
    chosen = replace(
        plan_of(subject.settings, subject.settings.app),
        target="peers-compiled",
        tags=(IMAGE,),
        metadata=metadata,
    )
    code = commands.run(subject.docker.argv(*build_argv(chosen)))
    metadata.unlink(missing_ok=True)
    if code != 0:
        raise BuildFailed("Build of the stage `peers-compiled` failed.")
    cold, again = [], []
    for _ in range(runs):
        argv = subject.docker.argv("run", "--rm", "--entrypoint", "sh", IMAGE, "-c", SCRIPT)
        first, second = re.findall(r"took (\d+)", commands.check(argv))
        cold.append(int(first) / 1000)
        again.append(int(second) / 1000)
    name = "llama-bench compiled with another linker flag, cache warm"
    return Ratio(name, "cache cold", again, cold, "s", 0.1)
