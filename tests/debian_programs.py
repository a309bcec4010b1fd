"""Programs of Debian's packages for the tests, unpacked into the cache and not installed."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.shared import commands
from scripts.shared.file_lock import hold_lock
from scripts.shared.paths import cache_home
from scripts.without_registry import apt_sources
from scripts.without_registry.engine_from_testing import source_paths, with_testing


def unpack(name: str, *packages: str) -> Path:
    """The folder that stands for `/` with these packages, in the cache folder `name`."""
    folder = cache_home() / name
    folder.mkdir(parents=True, exist_ok=True)
    with hold_lock(folder / ".lock", f"which fetches {name}"):
        if not (folder / ".complete").exists():
            if commands.capture(["apt-cache", "show", *packages]).code != 0:
                commands.check(["apt-get", "update"])
            _download(folder, ["apt-get", "download", *packages])
    return folder


def unpack_from_testing(name: str, *packages: str) -> Path:
    """As `unpack`, of Debian testing: for what the release has in no version that is new enough."""
    folder = cache_home() / name
    folder.mkdir(parents=True, exist_ok=True)
    with hold_lock(folder / ".lock", f"which fetches {name}"):
        if not (folder / ".complete").exists():
            texts = {path.name: path.read_text(encoding="utf-8") for path in source_paths()}
            codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
            archive = apt_sources.main_archive(apt_sources.read(texts), codename)
            assert archive is not None, "apt's sources name no archive of this Debian"
            with with_testing(archive) as options:
                commands.check(["apt-get", *options, "update"])
                wanted = [f"{package}/testing" for package in packages]
                _download(folder, ["apt-get", *options, "download", *wanted])
    return folder


def _download(folder: Path, argv: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as work:
        commands.check(argv, cwd=Path(work))
        for package in Path(work).glob("*.deb"):
            commands.check(["dpkg-deb", "--extract", str(package), str(folder)])
    (folder / ".complete").touch()


def libraries(root: Path) -> dict[str, str]:
    """The variable with which a program in `root` finds its libraries there."""
    found = sorted({str(path.parent) for path in (root / "usr" / "lib").rglob("*.so.*")})
    return {"LD_LIBRARY_PATH": os.pathsep.join(found)} if found else {}
