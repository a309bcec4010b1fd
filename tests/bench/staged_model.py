"""Copying the model into the build context, against cp."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from scripts.image.build_request import CONTEXTS
from scripts.model.contexts import latest
from scripts.model.stage import stage
from scripts.shared import commands
from scripts.shared.paths import BUILD
from tests.bench.ratio import Ratio, time_in_turn


def stage_or_copy(runs: int = 5) -> Ratio:
    """Stage the image's default model, into an empty context each time."""
    model = next(latest(CONTEXTS).glob("*.gguf"))
    with tempfile.TemporaryDirectory(dir=BUILD) as name:
        context, copy = Path(name) / "context" / "model", Path(name) / "copy.gguf"

        def ours() -> None:
            shutil.rmtree(context, ignore_errors=True)
            stage(model, context)

        def peer() -> None:
            copy.unlink(missing_ok=True)
            commands.check(["cp", str(model), str(copy)])

        ours()  # the checksum of an unchanged file is cached after the first time
        return Ratio("model staged", "cp", *time_in_turn(ours, peer, runs), "s", 1.05)
