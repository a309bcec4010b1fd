"""Base images: their pins, where they come from, and the named build contexts that hold them.

The build calls `choose`, then `provide`. The pins lie in `docker/bases/pins.json` (`pins.py`). This
room may ask the official images' registry whether it answers; where it does not,
`scripts.without_registry` makes stand-ins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts import without_registry
from scripts.bases import pins
from scripts.bases.pins import BaseImage
from scripts.bases.registry_or_packages import Reach, choose_source, registry_answers
from scripts.shared.console import warn
from scripts.shared.task_command import task_command

__all__ = ["Bases", "Choice", "choose", "provide"]


@dataclass(frozen=True)
class Choice:
    """Which base images a build takes, and from where: `registry` or `packages`, `why` in a line.

    `sdks` are the images that compile GPU backends.
    """

    source: str
    why: str
    debian: BaseImage
    node: BaseImage
    sdks: tuple[BaseImage, ...] = ()


@dataclass(frozen=True)
class Bases:
    """The base images of one build.

    `contexts` maps a name in the Dockerfile's FROM to a `--build-context` value, `identities`
    the same names to what labels and records show: a reference, or a stand-in's digest.
    """

    source: str
    contexts: dict[str, str]
    identities: dict[str, str]


def choose(mode: str, node_major: str, sdks: Sequence[str] = ()) -> Choice:
    """Choose a source by the setting `bases`; `sdks` are names of rows. Raises `BasesUnreachable`.

    Asks the registry, unless `packages` were demanded.
    """
    registry = mode != "packages" and registry_answers()
    reach = Reach(registry, packages=not registry and without_registry.can_make_bases())
    source, why = choose_source(mode, reach)
    rows = pins.read()
    return Choice(
        source, why, rows["debian"], rows[f"node{node_major}"], tuple(rows[name] for name in sdks)
    )


def provide(choice: Choice, cache: Path, *, yes: bool, dry: bool = False) -> Bases:
    """Make the chosen base images available, building the stand-ins that are missing in `cache`.

    An official SDK replaces the Dockerfile's stage of that name, which makes one otherwise.
    With `dry` nothing is built or fetched. Raises `BasesUnreachable`, `UsageError`.
    """
    if choice.source == "registry":
        references = {
            "debian": choice.debian.reference(),
            "node": choice.node.reference(),
            **{row.name: _sdk_reference(row) for row in choice.sdks},
        }
        contexts = {name: f"docker-image://{text}" for name, text in references.items()}
        return Bases(choice.source, contexts, references)
    layouts = without_registry.make_bases(
        choice.debian, choice.node, choice.sdks, cache / "bases", yes=yes, dry=dry
    )
    return Bases(
        choice.source,
        {name: layout.context() for name, layout in layouts.items()},
        {name: f"{name} stand-in {layout.digest}" for name, layout in layouts.items()},
    )


def _sdk_reference(row: BaseImage) -> str:
    """An SDK's reference: its tag is used where no pin is known."""
    if row.digest:
        return row.reference()
    warn(
        f"{row.image} has no pinned digest, its tag is used: "
        f"`{task_command('pins.update')}` writes one"
    )
    return row.image
