"""docker/layer.sh: one rule for owners, modes and times, whatever the files come from."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from scripts.shared.paths import REPOSITORY

SCRIPT = REPOSITORY / "docker" / "layer.sh"


@pytest.fixture
def owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `chown` was asked for: only root may give files away, and tests run as anyone."""
    log, programs = tmp_path / "chown.log", tmp_path / "bin"
    programs.mkdir()
    (programs / "chown").write_text(f'#!/bin/sh\necho "$*" >>"{log}"\n')
    (programs / "chown").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return log


def layer(source: Path, to: str, umask: int = 0o022) -> Path:
    """Run the script; the folder that stands for the image's root."""
    layers = source.parent / "layers"
    command = f'umask {umask:o}; sh "$0" "$@"'
    subprocess.run(["sh", "-c", command, SCRIPT, source, to, layers], check=True)
    return layers / to.rpartition("/")[2]


def modes(root: Path) -> dict[str, str]:
    """The mode of everything below a folder that is no link."""
    return {
        str(path.relative_to(root)): f"{stat.S_IMODE(path.stat().st_mode):o}"
        for path in root.rglob("*")
        if not path.is_symlink()
    }


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (0o600, "644"),
        (0o640, "644"),
        (0o444, "644"),
        (0o666, "644"),
        (0o700, "755"),
        (0o750, "755"),
        (0o555, "755"),
        (0o4755, "755"),
        (0o2711, "755"),
    ],
)
@pytest.mark.usefixtures("owners")
def test_files_are_readable_by_all_and_executable_where_they_were(
    tmp_path: Path, mode: int, expected: str
) -> None:
    (tmp_path / "out").mkdir()
    file = tmp_path / "out" / "file"
    file.write_text("")
    file.chmod(mode)
    assert modes(layer(tmp_path / "out", "/opt/app")) == {
        "opt": "755",
        "opt/app": "755",
        "opt/app/file": expected,
    }


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o775, 0o2775, 0o1777])
@pytest.mark.usefixtures("owners")
def test_folders_are_open_to_all(tmp_path: Path, mode: int) -> None:
    (tmp_path / "out/folder/empty").mkdir(parents=True)
    for path in (tmp_path / "out/folder/empty", tmp_path / "out/folder", tmp_path / "out"):
        path.chmod(mode)
    assert set(modes(layer(tmp_path / "out", "/opt/a/app", umask=0o077)).values()) == {"755"}


@pytest.mark.usefixtures("owners")
def test_all_times_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "out/folder").mkdir(parents=True)
    (tmp_path / "out/folder/-n a b\nc").write_text("kept")
    (tmp_path / "out/dangling").symlink_to("nowhere")
    root = layer(tmp_path / "out", "/opt/app")
    found = list(root.rglob("*"))
    assert len(found) == 5
    assert {path.lstat().st_mtime_ns for path in (root, *found)} == {0}
    assert (root / "opt/app/folder/-n a b\nc").read_text() == "kept"
    assert (root / "opt/app/dangling").readlink() == Path("nowhere")


@pytest.mark.usefixtures("owners")
def test_what_a_link_names_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    outside = tmp_path / "outside"
    outside.write_text("")
    outside.chmod(0o600)
    before = outside.stat().st_mtime_ns
    (tmp_path / "out/link").symlink_to(outside)
    layer(tmp_path / "out", "/opt/app")
    assert stat.S_IMODE(outside.stat().st_mode) == 0o600
    assert outside.stat().st_mtime_ns == before


def test_everything_is_roots(tmp_path: Path, owners: Path) -> None:
    (tmp_path / "out").write_text("a file by itself")
    root = layer(tmp_path / "out", "/usr/local/bin/node")
    assert owners.read_text() == f"-R --no-dereference 0:0 {root}\n"
    assert modes(root)["usr/local/bin/node"] == "644"


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        layer(tmp_path / "nothing", "/opt/app")


def test_every_layer_of_the_image_is_made_by_it() -> None:
    """No `COPY` into the image takes files as another stage has them."""
    text = (REPOSITORY / "docker" / "Dockerfile").read_text(encoding="utf-8")
    copies, inside = [], False
    for line in text.splitlines():
        if line.startswith("FROM "):
            stage = line.split()[-1]
            inside = stage in ("system", "runtime", "image") or stage.startswith("variant-")
        elif inside and line.startswith(("COPY ", "ADD ")):
            copies.append(line)
    assert len(copies) > 5
    wrong = [line for line in copies if " /layer/" not in line or not line.endswith(" /")]
    assert wrong == []
