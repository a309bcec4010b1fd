from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.image import compiler_cache
from scripts.image.compiler_cache import DOCKERFILE, argv
from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY
from tests.unit.build_requests import request

MOUNT = re.compile(r"id=(mentator-ccache-\w+)")

#: What no image is made of, so no run of CI needs: the programs that benches compare with.
STAYS = {"mentator-ccache-peers"}


def test_the_commands() -> None:
    head = ["buildx", "build", "--file", str(DOCKERFILE), "--target"]
    common = ["--build-context", "debian=docker-image://d", "--build-arg", "CALL=7"]
    assert argv("export", Path("/to"), "docker-image://d", "", "7") == [
        *[*head, "export", *common, "--output", "type=local,dest=/to", str(DOCKERFILE.parent)]
    ]
    assert argv("import", Path("/from"), "docker-image://d", "far", "7") == [
        *[*head, "import", "--builder", "far", *common, "--build-context", "saved=/from"],
        *["--output", "type=cacheonly", str(DOCKERFILE.parent)],
    ]


def test_every_compilers_cache_is_carried_both_ways() -> None:
    image = (REPOSITORY / "docker" / "Dockerfile").read_text(encoding="utf-8")
    carried = DOCKERFILE.read_text(encoding="utf-8").partition(" AS import")
    compiled = set(MOUNT.findall(image)) - STAYS
    assert compiled >= {"mentator-ccache-cuda", "mentator-ccache-rocm"}
    assert set(MOUNT.findall(carried[0])) == set(MOUNT.findall(carried[2])) == compiled


def test_nothing_to_import_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"compiler-cache\.tar is not there"):
        compiler_cache.carry("import", request(), tmp_path)
