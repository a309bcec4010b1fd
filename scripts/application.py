"""The application that goes into the image: its folder, and what its package.json says."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from scripts.errors import UsageError
from scripts.paths import REPOSITORY

#: What Docker takes as a tag (distribution's reference grammar).
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class Application:
    """A node-llama-cpp application: its folder, name and version."""

    path: Path
    name: str
    version: str
    license: str


def read(folder: str) -> Application:
    """Read the application in `folder` (empty: the bundled `service/`).

    Raises `UsageError` where it lacks what the build relies on: package.json with name, version
    and a `buildjs` script, node-llama-cpp in its dependencies, a lock file.
    """
    path = Path(folder).expanduser().resolve() if folder else REPOSITORY / "service"
    manifest = path / "package.json"
    try:
        package = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{manifest} cannot be read.", why=str(error)) from None
    if not isinstance(package, dict):
        raise UsageError(f"{manifest} cannot be read.", why="It holds no JSON object.")
    faults = [
        text
        for text, wrong in (
            ("it has no name", not package.get("name")),
            ("it has no version", not package.get("version")),
            ("it has no script `buildjs`", "buildjs" not in package.get("scripts", {})),
            (
                "node-llama-cpp is not in its dependencies",
                "node-llama-cpp" not in package.get("dependencies", {}),
            ),
            ("there is no package-lock.json beside it", not (path / "package-lock.json").is_file()),
        )
        if wrong
    ]
    if faults:
        raise UsageError(f"{manifest} is not that of an application: {'; '.join(faults)}.")
    version = str(package["version"])
    check_version(version, manifest)
    return Application(path, package["name"], version, str(package.get("license", "")))


def check_version(version: str, where: Path) -> None:
    """Refuse a version that is none, or cannot be a tag."""
    try:
        Version(version)
    except InvalidVersion:
        raise UsageError(f"{where}: {version!r} is not a version.") from None
    if not TAG.fullmatch(version):
        raise UsageError(
            f"{where}: version {version!r} cannot be an image tag.",
            why="A tag holds letters, digits, '.', '_' and '-' only; '+' is not among them.",
        )


def tags(image: str, version: str, variant: str, default: str) -> tuple[str, ...]:
    """`image:latest` and `image:VERSION`; a variant that is not the default appends its name."""
    suffix = "" if variant == default else f"-{variant}"
    return (f"{image}:latest{suffix}", f"{image}:{version}{suffix}")
