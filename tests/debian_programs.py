"""Programs of Debian's packages for the tests, unpacked into the cache and not installed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from scripts.shared import commands
from scripts.shared.file_lock import hold_lock
from scripts.shared.paths import cache_home


def unpack(name: str, *packages: str) -> Path:
    """The folder that stands for `/` with these packages, in the cache folder `name`."""
    folder = cache_home() / name
    folder.mkdir(parents=True, exist_ok=True)
    with hold_lock(folder / ".lock", f"which fetches {name}"):
        if not (folder / ".complete").exists():
            if commands.capture(["apt-cache", "show", *packages]).code != 0:
                commands.check(["apt-get", "update"])
            with tempfile.TemporaryDirectory(dir=folder) as work:
                commands.check(["apt-get", "download", *packages], cwd=Path(work))
                for package in Path(work).glob("*.deb"):
                    commands.check(["dpkg-deb", "--extract", str(package), str(folder)])
            (folder / ".complete").touch()
    return folder


def libraries(root: Path) -> dict[str, str]:
    """The variable with which a program in `root` finds its libraries there."""
    found = sorted({str(path.parent) for path in (root / "usr" / "lib").rglob("*.so.*")})
    return {"LD_LIBRARY_PATH": os.pathsep.join(found)} if found else {}
