"""`invoke export`: the image's root file system in parts, for a machine without an engine."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path

from scripts import docker_engine as engine
from scripts.docker_engine import Engine, EngineOptions
from scripts.image import record as records
from scripts.shared import commands
from scripts.shared.checksum import sha256_of
from scripts.shared.console import byte_bar, say
from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY

#: Bytes of a part: many carriers of files take 64 MiB at most.
PART = 56 << 20

#: Beside the parts: what joins and runs them, and what measures them.
RUNNER = REPOSITORY / "deploy" / "run-in-chroot.sh"
RECORDER = REPOSITORY / "deploy" / "record-in-chroot.py"

CHUNK = 1 << 20


def export(options: EngineOptions, output: Path) -> None:
    """Write the image built last to the empty or new folder `output`: see deploy/run-in-chroot.sh.

    Parts of a compressed tar, their sums, the image's variables and record, and the scripts.
    """
    record = records.image()
    if output.exists() and any(output.iterdir()):
        raise UsageError(f"{output} is not empty.", next="Name another folder with --output.")
    docker = engine.ensure(options)
    digest: str = record["digest"]
    output.mkdir(parents=True, exist_ok=True)
    try:
        parts = _file_system(docker, digest, output)
        sums = "".join(f"{sha256_of(part, part.name)}  {part.name}\n" for part in parts)
        (output / "SHA256SUMS").write_text(sums, encoding="ascii")
        (output / "image.env").write_text("\n".join(_variables(docker, digest)) + "\n")
        (output / "image.json").write_text(json.dumps(record, indent=2) + "\n")
        shutil.copy2(RUNNER, output)
        shutil.copy2(RECORDER, output)
    except BaseException:
        shutil.rmtree(output, ignore_errors=True)  # an incomplete export is useless
        raise
    say(f"{digest} in {len(parts)} parts: run {output / RUNNER.name} as root, anywhere")


def split(chunks: Iterable[bytes], folder: Path, limit: int = PART) -> list[Path]:
    """Write a stream to `rootfs.tar.gz.000` and so on, none longer than `limit` bytes."""
    parts: list[Path] = []
    rest = b""
    room = 0
    for chunk in chunks:
        rest = chunk
        while rest:
            if room == 0:
                parts.append(folder / f"rootfs.tar.gz.{len(parts):03}")
                room = limit
            with parts[-1].open("ab") as part:
                part.write(rest[:room])
            rest, room = rest[room:], room - min(room, len(rest))
    return parts


def _file_system(docker: Engine, digest: str, folder: Path) -> list[Path]:
    """The parts of the image's file system, as a container of it would see it."""
    container = commands.check(docker.argv("create", digest))
    try:
        return split(_compress(docker, container), folder)
    finally:
        commands.capture(docker.argv("rm", "--force", "--volumes", container))


def _compress(docker: Engine, container: str) -> Iterable[bytes]:
    """The container's file system as the pieces of one .tar.gz."""
    # Fast: most of it is machine code that no level makes much smaller. 31 asks for gzip's format.
    packed = zlib.compressobj(1, wbits=31)
    with (
        commands.stream(docker.argv("export", container)) as tar,
        byte_bar("exporting", None) as advance,
    ):
        while chunk := tar.read(CHUNK):
            advance(len(chunk))
            yield packed.compress(chunk)
    yield packed.flush()


def _variables(docker: Engine, digest: str) -> list[str]:
    """The image's ENV, lines NAME=VALUE."""
    found = commands.check(
        docker.argv("image", "inspect", "--format", "{{json .Config.Env}}", digest)
    )
    rows: list[str] = json.loads(found)
    return rows
