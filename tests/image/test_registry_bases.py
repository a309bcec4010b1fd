"""Base images from a real registry on loopback that holds images under the pinned names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts import bases
from scripts.bases import pins
from scripts.docker_engine import Engine
from scripts.shared import commands
from scripts.shared.settings import Settings
from tests.image import registry

#: What a stage of a build reads of its base.
READ = "FROM debian\nRUN test -e /etc/debian_version\nFROM node\nRUN node --version | grep '^v24'\n"


def test_a_build_takes_pinned_bases_from_a_mirror(
    engine: Engine, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-ins, pushed under the names of the official images, and pinned by their digests."""
    made = bases.provide(bases.choose("packages", "24"), settings.cache_path(), yes=True)
    rows = json.loads(pins.PINS.read_text())
    with registry.running(tmp_path / "registry") as running:
        for row, context in (("debian", "debian"), ("node24", "node")):
            name = rows[row]["image"].removeprefix("docker.io")
            rows[row]["digest"] = push(
                engine, made.contexts[context], running.host + name, tmp_path
            )
        pinned = tmp_path / "pins.json"
        pinned.write_text(json.dumps(rows))
        found = pins.read(pinned)
        monkeypatch.setattr(pins, "read", lambda: found)
        chosen = bases.choose("auto", "24", mirror=running.host)
        assert chosen.source == "registry"
        taken = bases.provide(chosen, tmp_path / "cache", yes=False)
        assert taken.identities["debian"] == found["debian"].reference()
        (tmp_path / "Dockerfile").write_text(READ)
        argv = ["buildx", "build", "--no-cache", "--output", "type=cacheonly"]
        for name, value in taken.contexts.items():
            argv += ["--build-context", f"{name}={value}"]
        built = commands.capture(engine.argv(*argv, str(tmp_path)))
        assert built.code == 0, built.err[-3000:]
    assert not (tmp_path / "cache").exists(), "no stand-in was made"


def push(engine: Engine, context: str, name: str, folder: Path) -> str:
    """Push a base image; returns its digest."""
    (folder / "Dockerfile").write_text("FROM base\n")
    metadata = folder / "metadata.json"
    argv = ["buildx", "build", "--build-context", f"base={context}", "--provenance=false", "--tag"]
    argv += [name, "--push", "--metadata-file", str(metadata), str(folder)]
    commands.check(engine.argv(*argv))
    digest: str = json.loads(metadata.read_text())["containerimage.digest"]
    return digest
