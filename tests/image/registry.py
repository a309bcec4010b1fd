"""A real image registry on loopback: Debian's docker-registry, unpacked but not installed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from scripts.shared import commands
from tests.containers import free_port
from tests.debian_programs import unpack

#: The htpasswd line for the user `tester`, password `secret` (bcrypt, cost 5).
HTPASSWD = "tester:$2b$05$G1tkL.GU1KjPFNbmoW1XOuJVC4CEc//sWV1wjYawTmS/I1GnrNC5a"

CONFIG = """\
version: 0.1
storage:
  filesystem:
    rootdirectory: {data}
http:
  addr: 127.0.0.1:{port}
{auth}"""

AUTH = """\
auth:
  htpasswd:
    realm: test
    path: {path}
"""


MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
)


@dataclass(frozen=True)
class Registry:
    """A running registry."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def host(self) -> str:
        """Host and port, as in an image reference."""
        return f"localhost:{self.port}"

    def tags(self, repository: str) -> list[str]:
        """The tags of a repository."""
        answer = requests.get(f"http://{self.host}/v2/{repository}/tags/list", timeout=5).json()
        return sorted(answer.get("tags") or [])

    def digest(self, repository: str, tag: str) -> str:
        """The digest of a tag."""
        url = f"http://{self.host}/v2/{repository}/manifests/{tag}"
        for kind in MANIFESTS:  # the registry converts a manifest when another type is requested
            answer = requests.head(url, headers={"Accept": kind}, timeout=5)
            if answer.headers.get("Content-Type") == kind:
                return answer.headers["Docker-Content-Digest"]
        raise AssertionError(f"{url}: {answer.status_code}")


def program() -> Path:
    """The registry's program from Debian's package, kept in the cache folder."""
    return unpack("docker-registry", "docker-registry") / "usr" / "bin" / "docker-registry"


@contextmanager
def running(folder: Path, *, login: bool = False, port: int = 0) -> Iterator[Registry]:
    """A registry with its blobs in `folder`; with `login` it requires tester:secret."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    passwords = folder / "htpasswd"
    passwords.write_text(HTPASSWD + "\n", encoding="utf-8")
    auth = AUTH.format(path=passwords) if login else ""
    config = folder / "config.yml"
    config.write_text(CONFIG.format(data=folder / "data", port=port, auth=auth), encoding="utf-8")
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([program(), "serve", config], stdout=log, stderr=log)
        try:
            _wait(process, port, folder / "log")
            yield Registry(process, port)
        finally:
            commands.stop(process)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(200):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            if requests.get(f"http://localhost:{port}/v2/", timeout=1).status_code in (200, 401):
                return
        except requests.RequestException:
            time.sleep(0.05)
    raise AssertionError("the registry did not answer")
