"""A stand-in for a base image is the same wherever it is made: takes a minute on two cores."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from scripts.without_registry import debian_root


def test_a_folder_that_others_may_not_enter_gives_the_same_root() -> None:
    sums = set()
    for mode in (0o755, 0o700):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(mode)
            tar = Path(folder) / "root.tar"
            debian_root.build("trixie", tar)
            sums.add(hashlib.sha256(tar.read_bytes()).hexdigest())
    assert len(sums) == 1
