from __future__ import annotations

import importlib.util
import re
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.shared import commands, package_installer
from scripts.shared.package_installer import Pip, Uv
from scripts.shared.paths import REPOSITORY


def test_pip_is_used_where_the_environment_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    assert package_installer.find() == Pip(sys.executable)


def test_uv_is_used_where_there_is_no_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert package_installer.find() is None
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    assert package_installer.find() == Uv(str(uv), sys.executable)


def test_a_lock_is_installed_with_hashes_only() -> None:
    assert Pip("/p").install_argv(Path("/run.txt")) == [
        *["/p", "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-user"],
        *["--no-deps", "--require-hashes", "--requirement", "/run.txt"],
    ]
    assert Uv("/bin/uv", "/p").install_argv(Path("/run.txt")) == [
        *["/bin/uv", "pip", "install", "--python", "/p", "--quiet"],
        *["--no-deps", "--require-hashes", "--requirement", "/run.txt"],
    ]


def test_a_wheel_is_fetched_without_dependencies_and_builds() -> None:
    assert Pip("/p").fetch_argv("tiny==1", Path("/out")) == [
        *["/p", "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"],
        *["--only-binary", ":all:", "--retries", "2", "--dest", "/out", "tiny==1"],
    ]
    assert Uv("/bin/uv", "/p").fetch_argv("tiny==1", Path("/out")) == [
        *["/bin/uv", "pip", "install", "--python", "/p", "--no-deps", "--only-binary", ":all:"],
        *["--link-mode", "copy", "--target", "/out", "tiny==1"],
    ]


def test_only_the_variables_that_name_the_index_stay() -> None:
    moved = (
        "PIP_TARGET",
        "PIP_USER",
        "PIP_PREFIX",
        "PIP_CONSTRAINT",
        "PYTHONPATH",
        "UV_CONSTRAINT",
    )
    kept = ("PIP_INDEX_URL", "PIP_CERT", "PIP_PROXY", "UV_INDEX_URL", "HTTPS_PROXY", "PATH")
    assert package_installer.isolation(dict.fromkeys((*moved, *kept), "x")) == dict.fromkeys(moved)


def test_the_launcher_keeps_the_same_variables() -> None:
    launcher = (REPOSITORY / "mentator").read_text()
    kept = re.search(r"case \$\{name#PIP_\} in\n(.*?)\n\s*\*\)", launcher, re.DOTALL)
    assert kept
    assert set(re.findall(r"[A-Z_]{4,}", kept[1])) == package_installer.KEPT
    unset = re.search(r"^unset (PYTHON.*)$", launcher, re.MULTILINE)
    assert unset
    ours = {name for name in package_installer.REMOVED if name.startswith("PYTHON")}
    assert set(unset[1].split()) == ours


def test_a_target_of_pip_does_not_move_what_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`PIP_TARGET` and `PIP_USER` of the shell, with the real pip, which refuses both at once."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "tiny-1-py3-none-any.whl", "w") as archive:
        for name in ("METADATA", "WHEEL", "RECORD"):
            text = "Metadata-Version: 2.1\nName: tiny\nVersion: 1\nWheel-Version: 1.0\n"
            archive.writestr(f"tiny-1.dist-info/{name}", text)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_DEST", str(tmp_path / "other"))
    monkeypatch.setenv("PIP_CONSTRAINT", "/nowhere")
    argv = Pip().fetch_argv("tiny==1", tmp_path / "out")
    done = commands.capture(argv, env=package_installer.isolation())
    assert done.code == 0, done.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tiny-1-py3-none-any.whl"]
