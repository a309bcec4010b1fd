"""Stand-ins for base images, as OCI layouts in the cache: made once for their pins and recipe."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scripts.bases.pins import BaseImage
from scripts.shared.console import say
from scripts.shared.errors import UsageError
from scripts.shared.file_lock import hold_lock
from scripts.shared.task_command import task_command
from scripts.without_registry import debian_root, node_layer, oci_layout, work_folder
from scripts.without_registry.oci_layout import Layout

#: The environment of a stand-in, as the official images have it.
ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)


def can_make() -> bool:
    """Whether this machine has the programs, and the architecture that packages are pinned for."""
    return debian_root.can_build() and platform.machine() == "x86_64"


def make(
    debian: BaseImage,
    node: BaseImage,
    sdks: Sequence[BaseImage],
    folder: Path,
    *,
    yes: bool,
    dry: bool,
    ca_bundle: Path | None = None,
) -> dict[str, Layout]:
    """The layouts by build context. An SDK's stand-in is the plain root of the suite in its row.

    The Dockerfile makes an SDK of it; a row without a suite has its own stage there. With `dry`
    nothing is made; a layout that is not there yet shows its path.
    """
    if not node.npm:
        raise UsageError(
            f"{node.name} has no packages pinned for a stand-in.",
            next=f"Run `{task_command('pins.update')}`, or use --bases registry.",
        )
    roots = {row.sdk_context(): row for row in sdks if row.suite}
    paths = {
        "debian": folder / f"debian-{_key(debian)}",
        "node": folder / f"node-{_key(debian, node)}",
        **{name: folder / f"{row.suite}-{_key(row)}" for name, row in roots.items()},
    }
    if dry:
        return {
            name: oci_layout.read(path) or Layout(path, "sha256:not-built-yet")
            for name, path in paths.items()
        }
    with hold_lock(folder / ".lock", "which makes base images"):
        missing = {name for name, path in paths.items() if not oci_layout.read(path)}
        if missing:
            debian_root.ensure_mmdebstrap(yes=yes)
            work_folder.remove_stale(folder)
        if missing & {"debian", "node"}:
            _make_node(debian, node, paths, ca_bundle)
        for name in missing & roots.keys():
            _make_root(roots[name], paths[name])
        found = {name: oci_layout.read(path) for name, path in paths.items()}
    return {name: layout for name, layout in found.items() if layout}


def _make_node(
    debian: BaseImage, node: BaseImage, paths: dict[str, Path], ca_bundle: Path | None
) -> None:
    """The runtime's Debian, and the same with Node over it."""
    with work_folder.work_folder(paths["debian"].parent) as work:
        say(f"building a stand-in for {node.image}: Node and npm from npm packages")
        tarballs = {
            package.name: node_layer.fetch(package, work, ca_bundle) for package in node.npm
        }
        node_layer.layer(tarballs, work / "node.tar")
        lower = _root(debian, work)
        names = " ".join(f"{package.name}@{package.version}" for package in node.npm)
        oci_layout.write(paths["debian"], [lower], env=ENVIRONMENT)
        upper = (work / "node.tar", f"npm {names}")
        oci_layout.write(paths["node"], [lower, upper], env=ENVIRONMENT)


def _make_root(row: BaseImage, path: Path) -> None:
    """The plain Debian root of a row's suite."""
    with work_folder.work_folder(path.parent) as work:
        oci_layout.write(path, [_root(row, work)], env=ENVIRONMENT)


def _root(row: BaseImage, work: Path) -> tuple[Path, str]:
    """The root of a row's suite as a tar file, and what made it."""
    say(f"building a stand-in for {row.image}: Debian {row.suite}'s packages")
    debian_root.build(row.suite, work / "root.tar")
    return work / "root.tar", f"mmdebstrap {row.suite}"


def _key(*rows: BaseImage) -> str:
    """What a stand-in is made of, as a short name: its pins and its recipe.

    The recipe is this package's own code: whatever changes there, no old layout is taken for new.
    """
    digest = hashlib.sha256("\n".join(debian_root.filters()).encode())
    for module in (debian_root, node_layer, oci_layout):
        digest.update(Path(str(module.__file__)).read_bytes())
    for row in rows:
        digest.update(repr(sorted(asdict(row).items())).encode())
    return digest.hexdigest()[:12]
