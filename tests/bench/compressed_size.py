"""The image's compressed size, against the files that it needs, compressed the same way."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator
from typing import Any

from scripts.docker_engine import Engine
from scripts.shared import commands
from tests.bench.ratio import Ratio

#: The packages that the stage `runtime` installs, with their dependencies.
PACKAGES = ("ca-certificates", "libgomp1", "libstdc++6", "openssl", "openssl-provider-legacy")

#: What the image needs besides: Node, the application, the entrypoint and the model.
TREES = ("usr/local/bin/node", "opt/")


class _Counter:
    """A file that only counts the bytes written to it."""

    def __init__(self) -> None:
        self.count = 0

    def write(self, data: bytes) -> int:
        self.count += len(data)
        return len(data)


def measure(docker: Engine, record: dict[str, Any]) -> Ratio:
    """Megabytes of all layers, against base layer and needed files (gzip -6, as BuildKit)."""
    layers = record["size"]["layers"]
    wanted = _wanted(docker, record["digest"])
    counter = _Counter()
    packer = gzip.GzipFile("", "wb", 6, counter)  # type: ignore[call-overload]
    argv = docker.argv("create", "--name", "mentator-bench-export", record["digest"])
    commands.check(argv)
    try:
        with (
            commands.stream(docker.argv("export", "mentator-bench-export")) as out,
            tarfile.open(fileobj=out, mode="r|") as archive,
        ):
            for member in archive:
                if _needed(member.name, wanted) and member.isfile():
                    data = archive.extractfile(member)
                    while data and (chunk := data.read(1 << 20)):
                        packer.write(chunk)
    finally:
        commands.check(docker.argv("rm", "--volumes", "mentator-bench-export"))
    packer.close()
    must = layers[0]["compressed"] + counter.count
    total = record["size"]["compressed_bytes"]
    name = f"{record['variant']} image, compressed"
    return Ratio(name, "the files that it needs", [total / 1e6], [must / 1e6], "MB", 1.1)


def _wanted(docker: Engine, digest: str) -> frozenset[str]:
    script = f"dpkg --listfiles {' '.join(PACKAGES)} 2>/dev/null || true"
    out = commands.check(docker.argv("run", "--rm", "--entrypoint", "sh", digest, "-c", script))
    return frozenset(_paths(out))


def _paths(out: str) -> Iterator[str]:
    for line in out.splitlines():
        path = line.removeprefix("/")
        yield path
        yield f"usr/{path}"  # lib is a link to usr/lib


def _needed(name: str, wanted: frozenset[str]) -> bool:
    name = name.removeprefix("./")
    return name in wanted or name.startswith(TREES)
