"""The image's variants, one row each; each is a target of the one Dockerfile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scripts.errors import UsageError


@dataclass(frozen=True)
class Variant:
    """One variant: its stage, the backends it can choose from, the llama.cpp prebuilts it needs.

    `prebuilts` are names below the npm scope @node-llama-cpp.
    """

    name: str
    target: str
    backends: tuple[str, ...]
    prebuilts: tuple[str, ...]


VARIANTS: Mapping[str, Variant] = {
    row.name: row
    for row in (Variant("cpu", target="cpu", backends=("cpu",), prebuilts=("linux-x64",)),)
}

#: The variant that the plain tags (`latest`, the version) name; others append theirs.
DEFAULT = "cpu"


def find(name: str) -> Variant:
    """The row of that name; `UsageError` lists the rows otherwise."""
    if name not in VARIANTS:
        raise UsageError(f"There is no variant {name!r}.", next=f"Choose: {', '.join(VARIANTS)}.")
    return VARIANTS[name]
