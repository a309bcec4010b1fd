"""llama.cpp's own programs, linked with the image's libraries, and the models for them.

The stage `peers` of the Dockerfile compiles them. They are not part of the product.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from scripts.docker_engine import Engine
from scripts.image.build_request import CONTEXTS
from scripts.image.plan import build_argv
from scripts.model.contexts import latest
from scripts.shared import commands
from scripts.shared.errors import BuildFailed
from scripts.shared.paths import BUILD
from scripts.shared.settings import Settings
from tests.bench.builds import plan_of

IMAGE = "mentator-bench/peers"

#: Models that `llama-quantize` made from the image's default model, kept between runs.
MODELS = BUILD / "bench"


def provide(docker: Engine, settings: Settings) -> str:
    """Build the image with these programs (cached when nothing has changed); returns its tag."""
    metadata = BUILD / "peers.json"
    chosen = replace(
        plan_of(settings, settings.app), target="peers", tags=(IMAGE,), metadata=metadata
    )
    code = commands.run(docker.argv(*build_argv(chosen)))
    metadata.unlink(missing_ok=True)
    if code != 0:
        raise BuildFailed("Build of llama.cpp's own programs failed (stage `peers`).")
    return IMAGE


def quantized_model(docker: Engine, quantization: str) -> Path:
    """The default model with another quantization, e.g. `Q4_0`."""
    origin = next(latest(CONTEXTS).glob("*.gguf")).resolve()
    made = MODELS / f"{origin.stem.rpartition('.')[0] or origin.stem}.{quantization}.gguf"
    if not made.is_file():
        MODELS.mkdir(parents=True, exist_ok=True)
        mounts = ["--volume", f"{origin}:/from.gguf:ro", "--volume", f"{MODELS}:/to"]
        call = ["./llama-quantize", "--allow-requantize", "/from.gguf", f"/to/{made.name}"]
        commands.check(docker.argv("run", "--rm", *mounts, IMAGE, *call, quantization, "2"))
    return made


def llama_bench(docker: Engine, file: Path, threads: int, kind: str, tokens: int) -> float:
    """Tokens/s of one run of `llama-bench`; `kind` is `prompt` or `generation`.

    llama-bench loads the model each time and warms up before it measures.
    """
    sizes = ["-p", str(tokens), "-n", "0"] if kind == "prompt" else ["-p", "0", "-n", str(tokens)]
    call = ["./llama-bench", "-m", "/model.gguf", "-t", str(threads), "-ngl", "0", "-r", "1"]
    mount = ["--volume", f"{file}:/model.gguf:ro"]
    out = commands.check(docker.argv("run", "--rm", *mount, IMAGE, *call, *sizes, "-o", "json"))
    figure: float = json.loads(out)[0]["avg_ts"]
    return figure


def llama_batched_bench(
    docker: Engine, file: Path, sequences: Sequence[int], tokens: int
) -> Mapping[int, float]:
    """Tokens/s of all sequences together, by number of sequences (`llama-batched-bench`).

    It only computes: it samples no token and sends none.
    """
    numbers = ",".join(str(number) for number in sequences)
    call = ["./llama-batched-bench", "-m", "/model.gguf", "-t", str(threads()), "-ngl", "0"]
    call += ["-c", "8192", "-npp", "16", "-ntg", str(tokens), "-npl", numbers]
    mount = ["--volume", f"{file}:/model.gguf:ro"]
    argv = docker.argv("run", "--rm", *mount, IMAGE, *call, "--output-format", "jsonl")
    lines = [json.loads(line) for line in commands.check(argv).splitlines() if line[:1] == "{"]
    return {int(line["pl"]): float(line["speed_tg"]) for line in lines}


def threads() -> int:
    """The number of threads that the service uses when there is no CPU quota."""
    return len(os.sched_getaffinity(0))
