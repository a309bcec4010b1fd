"""The entrypoint's own tests, in JavaScript: tests/entrypoint, by Node's runner."""

from __future__ import annotations

import re
import subprocess

from scripts.shared.node_tools import node_argv
from scripts.shared.paths import REPOSITORY


def test_the_entrypoints_javascript() -> None:
    ended = subprocess.run(
        [*node_argv(), "--test", "--test-reporter=spec", "tests/entrypoint/*.test.mjs"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout
    assert re.search(r"^. tests [1-9]", ended.stdout, re.MULTILINE), "it has found the tests"
