from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.shared import python_environment as environment
from scripts.shared.errors import CommandFailed


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty lock, and an environment folder that pip would not install anything into."""
    path = tmp_path / "requirements" / "none.txt"
    path.parent.mkdir()
    path.write_text("# nothing\n")
    monkeypatch.setattr(environment, "REPOSITORY", tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return path


def test_a_lock_is_installed_once_for_its_content(
    lock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stamp = tmp_path / ".installed-none"
    environment.ensure("none")
    assert capsys.readouterr().out == "installing requirements/none.txt\n"
    assert stamp.read_text().strip() == hashlib.sha256(lock.read_bytes()).hexdigest()
    environment.ensure("none")
    assert capsys.readouterr().out == ""


def test_a_failed_install_leaves_no_stamp(lock: Path, tmp_path: Path) -> None:
    lock.write_text("no-such-package-of-mentator==1 --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(CommandFailed) as caught:
        environment.ensure("none")
    assert "requirements/none.txt" in caught.value.what
    assert "no-such-package-of-mentator" in caught.value.why
    assert not (tmp_path / ".installed-none").exists()


def test_the_locks_name_every_package_that_is_needed() -> None:
    """They are installed without looking for dependencies, so a missing one shows only here."""
    check = [sys.executable, "-m", "pip", "--disable-pip-version-check", "check"]
    result = subprocess.run(check, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
