"""The same files give the same image: built twice without the layer cache, from two checkouts.

Takes 6 minutes for the variant cpu on two cores: `nox -s reproducible`. The packages of Debian and
npm have to be the same in both builds; a new one in between is a difference, and no fault.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.docker_engine import Engine
from scripts.shared import commands
from scripts.shared.paths import REPOSITORY
from tests import checkout

IMAGE = "reproducible/test"

#: The same author and time, so that both checkouts are of the same commit.
COMMIT = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "a"), ("EMAIL", "a@b"), ("DATE", "1700000000 +0000"))
}


@pytest.fixture(autouse=True)
def clean_images(engine: Engine) -> Iterator[None]:
    """Remove the images that the builds have tagged."""
    yield
    listed = commands.check(engine.argv("image", "ls", "--quiet", IMAGE))
    for image in set(listed.split()):
        commands.capture(engine.argv("image", "rm", "--force", image))


def clone(folder: Path, umask: int) -> Path:
    """The working tree as a commit, checked out under a umask."""
    origin = folder.with_name("origin")
    if not origin.exists():
        checkout.copy(origin)
        (origin / ".venv").unlink()
        for argv in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "all"]):
            commands.check(["git", *argv], cwd=origin, env=COMMIT)
    argv = ["git", "clone", "--quiet", str(origin), str(folder)]
    subprocess.run(argv, check=True, umask=umask)
    (folder / ".venv").symlink_to(REPOSITORY / ".venv")
    return folder


def build(folder: Path, variant: str, umask: int, *flags: str) -> dict[str, Any]:
    """Build in a checkout under a umask; the record."""
    done = subprocess.run(
        ["./mentator", "build", "--variant", variant, "--progress", "plain", "--yes", *flags],
        cwd=folder,
        env={**os.environ, "MENTATOR_IMAGE": IMAGE},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    found: dict[str, Any] = json.loads((folder / "build" / "image.json").read_text())
    return found


def layers(engine: Engine, digest: str) -> list[str]:
    """The digests of an image's layers, the base first: the first that differs is the fault."""
    form = "{{range .RootFS.Layers}}{{println .}}{{end}}"
    return commands.check(engine.argv("image", "inspect", "--format", form, digest)).split()


@pytest.mark.parametrize("variant", ["cpu", "cuda"])
def test_two_checkouts_with_other_umasks_give_one_digest(
    tmp_path: Path, engine: Engine, variant: str
) -> None:
    first = build(clone(tmp_path / "first", 0o022), variant, 0o022, "--no-cache")
    # Now: the next build takes the tag, and an image without one may be removed by any prune.
    expected = layers(engine, first["digest"])
    second = build(clone(tmp_path / "second", 0o077), variant, 0o077, "--no-cache")
    assert first["application"] == second["application"]
    assert layers(engine, second["digest"]) == expected
    assert first["digest"] == second["digest"]

    cached = build(tmp_path / "first", variant, 0o002)
    assert cached["digest"] == first["digest"]
    user = ("run", "--rm", "--user", "12345", first["digest"], "--version")
    assert commands.check(engine.argv(*user)).strip() == first["application"]["version"]

    argv = ["git", "commit", "--quiet", "--allow-empty", "-m", "next"]
    later = {name: value.replace("1700", "1800") for name, value in COMMIT.items()}
    commands.check(argv, cwd=tmp_path / "first", env=later)
    following = build(tmp_path / "first", variant, 0o022)
    assert following["digest"] != first["digest"]
    assert layers(engine, following["digest"]) == expected
