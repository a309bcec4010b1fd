"""What is measured: an engine, the image built with it, the settings of the build, the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.docker_engine import Engine
from scripts.image.build_request import CONTEXTS
from scripts.model.contexts import latest
from scripts.shared.errors import UsageError
from scripts.shared.settings import Settings
from tests.bench import peers, real_sizes


def default_model() -> Path:
    """The image's default model."""
    return next(latest(CONTEXTS).glob("*.gguf")).resolve()


@dataclass(frozen=True)
class Subject:
    """`record` is `build/image.json`; `model` a shape of `real_sizes`, a file, or empty."""

    docker: Engine
    settings: Settings
    record: dict[str, Any]
    model: str = ""

    @property
    def digest(self) -> str:
        """The digest of the image that is measured."""
        digest: str = self.record["digest"]
        return digest

    def models(self, quantizations: Sequence[str]) -> Iterator[tuple[str, Path]]:
        """A name and a file each: the model that was asked for, else the default one quantized."""
        if self.model:
            path = self._asked()
            yield path.stem, path
            return
        for quantization in quantizations:
            yield quantization, peers.quantized_model(self.docker, quantization)

    def one(self, quantization: str) -> tuple[str, Path]:
        """The same, of one."""
        return next(self.models((quantization,)))

    def plain(self) -> tuple[str, Path]:
        """The model that was asked for, else the default one as it is."""
        path = self._asked() if self.model else default_model()
        return path.stem, path

    def _asked(self) -> Path:
        if self.model in real_sizes.SHAPES:
            return real_sizes.provide(self.model, default_model())
        path = Path(self.model)
        if not path.is_file():
            raise UsageError(
                f"There is no model {self.model}.",
                next=f"A GGUF file, or one of {', '.join(real_sizes.SHAPES)}.",
            )
        return path.resolve()
