"""Staging the model into the build context, against cp."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from scripts.image.build import MODEL_CONTEXT
from scripts.model.stage import stage
from scripts.shared import commands
from scripts.shared.paths import BUILD
from tests.bench.ratio import Ratio, paired


def staged(runs: int = 5) -> Ratio:
    """Stage the model that was built in, into an empty context each time."""
    model = next(MODEL_CONTEXT.glob("*.gguf"))
    with tempfile.TemporaryDirectory(dir=BUILD) as name:
        context, copy = Path(name) / "context" / "model", Path(name) / "copy.gguf"

        def ours() -> None:
            shutil.rmtree(context, ignore_errors=True)
            stage(model, context)

        def peer() -> None:
            copy.unlink(missing_ok=True)
            commands.check(["cp", str(model), str(copy)])

        ours()  # the sum of an unchanged file is known after the first time
        return Ratio("model staged", "cp", *paired(ours, peer, runs), "s", 1.05)
