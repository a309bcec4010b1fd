"""The image's variants, one row each; each is a stage `variant-NAME` of the one Dockerfile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scripts.shared.errors import UsageError


@dataclass(frozen=True)
class Variant:
    """One variant: its name, and the backends that it can choose from at its start."""

    name: str
    backends: tuple[str, ...]


VARIANTS: Mapping[str, Variant] = {
    row.name: row
    for row in (
        Variant("universal", backends=("cuda", "rocm", "cpu")),
        Variant("cuda", backends=("cuda", "cpu")),
        Variant("rocm", backends=("rocm", "cpu")),
        Variant("cpu", backends=("cpu",)),
    )
}

#: The variant that the plain tags (`latest`, the version) name; others append theirs.
DEFAULT = "universal"


def find(name: str) -> Variant:
    """The row of that name; `UsageError` lists the rows otherwise."""
    if name not in VARIANTS:
        raise UsageError(f"There is no variant {name!r}.", next=f"Choose: {', '.join(VARIANTS)}.")
    return VARIANTS[name]
