"""Base images: one table, two sources (registry, packages), one answer: named build contexts."""

from __future__ import annotations

import hashlib
import platform
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import requests
from filelock import FileLock

from scripts.bases import choice, table
from scripts.shared.console import say, warn
from scripts.shared.errors import UsageError
from scripts.without_registry import debian_root as debian
from scripts.without_registry import node_layer as node
from scripts.without_registry import oci_layout

#: Seconds to wait for the registry: an unreachable one must not hold up a build.
REGISTRY_TIMEOUT = 4.0

REGISTRY = "https://registry-1.docker.io/v2/"

#: The environment of a stand-in, as the official images have it.
ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)


@dataclass(frozen=True)
class Bases:
    """The base images of one build.

    `contexts` maps a name in the Dockerfile's FROM to a `--build-context` value, `identities`
    the same names to what labels and records show: a reference, or a stand-in's digest.
    """

    source: str
    contexts: dict[str, str]
    identities: dict[str, str]


def provide(
    mode: str,
    node_major: str,
    cache: Path,
    *,
    sdks: Sequence[str] = (),
    yes: bool,
    dry: bool = False,
) -> Bases:
    """Choose a source and make its base images available, building stand-ins that are missing.

    `sdks` are rows of images that compile. The official one takes the place of the Dockerfile's
    stage of that name, which else makes a stand-in; where the row names a suite, out of that root.
    With `dry` nothing is built or fetched; a stand-in that is not there yet shows its path.
    """
    reach = choice.Reach(
        registry=mode != "packages" and registry_answers(),
        packages=debian.can_build() and platform.machine() == "x86_64",
    )
    source, why = choice.choose(mode, reach)
    say(why)
    rows = table.read()
    chosen = {"debian": rows["debian"], "node": rows[f"node{node_major}"]}
    if source == "registry":
        references = {name: row.reference() for name, row in chosen.items()}
        references.update({name: _sdk_reference(rows[name]) for name in sdks})
        return Bases(
            source,
            {name: f"docker-image://{reference}" for name, reference in references.items()},
            references,
        )
    if not chosen["node"].npm:
        raise UsageError(
            f"Node {node_major} has no packages pinned for a stand-in.",
            next="Run `invoke pins.update`, or use --bases registry.",
        )
    layouts = stand_ins(chosen["debian"], chosen["node"], cache / "bases", yes=yes, dry=dry)
    for row in (rows[name] for name in sdks if rows[name].suite):
        name = f"{row.name.removesuffix('-sdk')}-base"
        layouts[name] = root(row, cache / "bases", yes=yes, dry=dry)
    return Bases(
        source,
        {name: layout.context() for name, layout in layouts.items()},
        {name: f"{name} stand-in {layout.digest}" for name, layout in layouts.items()},
    )


def registry_answers() -> bool:
    """Whether the official images' registry answers (a 401 is an answer: it asks for a token)."""
    try:
        return requests.get(REGISTRY, timeout=REGISTRY_TIMEOUT).status_code in (200, 401)
    except requests.RequestException:
        return False


def stand_ins(
    debian_row: table.BaseImage, node_row: table.BaseImage, folder: Path, *, yes: bool, dry: bool
) -> dict[str, oci_layout.Layout]:
    """The stand-ins' layouts, built where there is none for these pins and this recipe."""
    paths = {
        "debian": folder / f"debian-{_key(debian_row)}",
        "node": folder / f"node-{_key(debian_row, node_row)}",
    }
    if dry:
        return {
            name: oci_layout.read(path) or oci_layout.Layout(path, "sha256:not-built-yet")
            for name, path in paths.items()
        }
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        found = {name: oci_layout.read(path) for name, path in paths.items()}
        if not all(found.values()):
            _build(debian_row, node_row, paths, yes=yes)
            found = {name: oci_layout.read(path) for name, path in paths.items()}
    return {name: layout for name, layout in found.items() if layout}


def root(row: table.BaseImage, folder: Path, *, yes: bool, dry: bool) -> oci_layout.Layout:
    """The plain Debian root of a row's suite, built where there is none yet."""
    path = folder / f"{row.suite}-{_key(row)}"
    if dry:
        return oci_layout.read(path) or oci_layout.Layout(path, "sha256:not-built-yet")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        found = oci_layout.read(path)
        if found:
            return found
        debian.ensure_mmdebstrap(yes=yes)
        say(f"building a root of Debian {row.suite}'s packages for a stand-in of {row.image}")
        with tempfile.TemporaryDirectory(dir=folder, prefix=".work-") as name:
            tar = Path(name) / "root.tar"
            debian.build(row.suite, tar)
            return oci_layout.write(path, [(tar, f"mmdebstrap {row.suite}")], env=ENVIRONMENT)


def _sdk_reference(row: table.BaseImage) -> str:
    """An SDK's reference: its tag has to do where no pin is known."""
    if row.digest:
        return row.reference()
    warn(f"{row.image} has no pinned digest, its tag is used: `invoke pins.update` writes one")
    return row.image


def _build(
    debian_row: table.BaseImage, node_row: table.BaseImage, paths: dict[str, Path], *, yes: bool
) -> None:
    debian.ensure_mmdebstrap(yes=yes)
    for stale in paths["debian"].parent.glob(".*-*"):
        shutil.rmtree(stale, ignore_errors=True)  # an interrupted build's; we hold the lock
    with tempfile.TemporaryDirectory(dir=paths["debian"].parent, prefix=".work-") as name:
        work = Path(name)
        say(f"building a stand-in for {node_row.image}: Node and npm from npm packages")
        tarballs = {package.name: node.fetch(package, work) for package in node_row.npm}
        node.layer(tarballs, work / "node.tar")
        say(f"building a stand-in for {debian_row.image}: Debian {debian_row.suite}'s packages")
        debian.build(debian_row.suite, work / "debian.tar")
        lower = (work / "debian.tar", f"mmdebstrap {debian_row.suite}")
        names = " ".join(f"{package.name}@{package.version}" for package in node_row.npm)
        oci_layout.write(paths["debian"], [lower], env=ENVIRONMENT)
        upper = (work / "node.tar", f"npm {names}")
        oci_layout.write(paths["node"], [lower, upper], env=ENVIRONMENT)


def _key(*rows: table.BaseImage) -> str:
    """What a stand-in is made of, as a short name: its pins and its recipe.

    The recipe is this package's own code: whatever changes there, no old layout is taken for new.
    """
    digest = hashlib.sha256("\n".join(debian.filters()).encode())
    for module in (debian, node, oci_layout):
        digest.update(Path(str(module.__file__)).read_bytes())
    for row in rows:
        digest.update(repr(sorted(asdict(row).items())).encode())
    return digest.hexdigest()[:12]
