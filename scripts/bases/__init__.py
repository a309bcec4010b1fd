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
from scripts.bases.registry_manifest import fault, mirrored, parse
from scripts.bases.registry_or_packages import Reach, choose_source
from scripts.docker_engine import configuration
from scripts.shared.console import warn
from scripts.shared.task_command import task_command

__all__ = ["Bases", "Choice", "choose", "provide"]


@dataclass(frozen=True)
class Choice:
    """Which base images a build takes, and from where: `registry` or `packages`, `why` in a line.

    `sdks` are the images that compile GPU backends. `mirror` is a registry that has all of them.
    """

    source: str
    why: str
    debian: BaseImage
    node: BaseImage
    sdks: tuple[BaseImage, ...] = ()
    mirror: str = ""


@dataclass(frozen=True)
class Bases:
    """The base images of one build.

    `contexts` maps a name in the Dockerfile's FROM to a `--build-context` value, `identities`
    the same names to what labels and records show: a reference, or a stand-in's digest.
    """

    source: str
    contexts: dict[str, str]
    identities: dict[str, str]


def choose(mode: str, node_major: str, sdks: Sequence[str] = (), mirror: str = "") -> Choice:
    """Choose a source by the setting `bases`; `sdks` are names of rows. Raises `BasesUnreachable`.

    Asks the registry, unless `packages` were demanded.
    """
    rows = pins.read()
    debian, node = rows["debian"], rows[f"node{node_major}"]
    builders = tuple(rows[name] for name in sdks)
    said = "" if mode == "packages" else registry_fault((debian, node, *builders), mirror)
    registry = mode != "packages" and not said
    packages = not registry and without_registry.can_make_bases()
    source, why = choose_source(mode, Reach(registry, packages, said))
    return Choice(source, why, debian, node, builders, mirror)


def registry_fault(rows: Sequence[BaseImage], mirror: str = "") -> str:
    """Why the rows' registries cannot be used, in a few words; empty where they can.

    One image is asked for of each registry. The engine's own mirrors count.
    """
    hosts: dict[str, str] = {}
    for row in rows:
        reference = mirrored(row.reference() if row.digest else row.image, mirror)
        hosts.setdefault(parse(reference).host, reference)
    mirrors = configuration.of_host().get("registry-mirrors", [])
    return next(filter(None, (fault(each, mirrors) for each in hosts.values())), "")


def provide(
    choice: Choice, cache: Path, *, yes: bool, dry: bool = False, ca_bundle: Path | None = None
) -> Bases:
    """Make the chosen base images available, building the stand-ins that are missing in `cache`.

    An SDK's image replaces the Dockerfile's stage of that name; a row with a Debian suite is the
    base of that stage, which installs the SDK: AMD's own images are several times as large.
    With `dry` nothing is built or fetched. Raises `BasesUnreachable`, `UsageError`.
    """
    if choice.source == "registry":
        references = {
            "debian": choice.debian.reference(),
            "node": choice.node.reference(),
            **{row.sdk_context(): _sdk_reference(row) for row in choice.sdks},
        }
        # The same digest from a mirror is the same image: labels and records name the original.
        contexts = {
            name: f"docker-image://{mirrored(text, choice.mirror)}"
            for name, text in references.items()
        }
        return Bases(choice.source, contexts, references)
    layouts = without_registry.make_bases(
        choice.debian,
        choice.node,
        choice.sdks,
        cache / "bases",
        yes=yes,
        dry=dry,
        ca_bundle=ca_bundle,
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
