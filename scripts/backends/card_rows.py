"""What a row of docker/backends.json says of the cards: their vendor and their targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from scripts.backends.expressions import Expression
from scripts.backends.row import Flag, Row, Variable

#: A number on the PCI bus, as sysfs writes it.
PciNumber = Annotated[str, Meta(pattern=r"\A0x[0-9a-f]{4}\Z")]


class Unserved(Row, frozen=True):
    """Cards that no build has kernels for: those with a lower number of the device."""

    below: PciNumber
    cause: str
    source: str


class Vendor(Row, frozen=True):
    """Who makes the cards, and the vendor's number on the PCI bus."""

    name: str
    pci: str
    unserved: Unserved | None = None


class UnservedTargets(Row, frozen=True):
    """Targets that no build has kernels for."""

    pattern: Expression
    cause: str
    source: str


class Integrated(Row, frozen=True):
    """Processors' own graphics, which must be faster than the processor to be taken.

    `targets` are theirs, `line` stands in what the plugin prints of one. With fewer than
    `minimum_units` compute units nothing is measured.
    """

    source: str
    targets: tuple[str, ...] = ()
    line: Expression | None = None
    minimum_units: int = 0


class Compiled(Row, frozen=True):
    """The targets that the SDK has kernels for."""

    source: str
    names: tuple[str, ...]


class Substitutes(Row, frozen=True):
    """For a target, those whose kernels such a card runs too, the nearest first."""

    source: str
    names: Mapping[str, tuple[str, ...]]


class Targets(Row, frozen=True):
    """Cards that need kernels of their own: what is compiled, and what else would serve.

    `selections` are the variables with which a user selects cards, in the order in which they are
    applied; of each group the first that is set counts.
    """

    option: Flag
    pattern: Expression
    file: str
    override: Variable
    override_node: str
    selections: tuple[tuple[Variable, ...], ...]
    compiled: Compiled
    substitutes: Substitutes
    unserved: UnservedTargets | None = None
