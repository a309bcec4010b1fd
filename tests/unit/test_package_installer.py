from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from scripts.shared import package_installer
from scripts.shared.package_installer import Pip, Uv


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
        *["/p", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"],
        *["--require-hashes", "--requirement", "/run.txt"],
    ]
    assert Uv("/bin/uv", "/p").install_argv(Path("/run.txt")) == [
        *["/bin/uv", "pip", "install", "--python", "/p", "--quiet"],
        *["--require-hashes", "--requirement", "/run.txt"],
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
