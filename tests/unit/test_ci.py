from __future__ import annotations

import shutil
from pathlib import Path

from scripts.shared import commands
from scripts.shared.paths import REPOSITORY


def test_ci_runs_the_test_command_with_leave_to_install(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy2(REPOSITORY / ".ci" / "run", tmp_path / ".ci" / "run")
    launcher = tmp_path / "mentator"
    launcher.write_text('#!/bin/sh\necho "$PWD $# $* $MENTATOR_YES"\nexit 40\n')
    launcher.chmod(0o755)
    done = commands.capture([str(tmp_path / ".ci" / "run")], cwd=Path("/"))
    assert (done.code, done.out) == (40, f"{tmp_path.resolve()} 1 test 1")


def test_the_workflow_calls_it() -> None:
    text = (REPOSITORY / ".github/workflows/ci.yaml").read_text(encoding="utf-8")
    assert "- run: .ci/run\n" in text
