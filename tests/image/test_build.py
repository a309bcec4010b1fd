"""`./mentator build` from the shell: dry, with bad input, and again after it was killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.docker_engine import Engine
from scripts.shared import commands
from tests.checkout import copy

#: The stages of a build: name, the line that shows its start, and the signal that kills it.
STAGES: tuple[tuple[str, str, signal.Signals], ...] = (
    ("model", r"is not available|^Fetching|^Model: ", signal.SIGKILL),
    ("stand-in of node", r"building a stand-in for .*node", signal.SIGINT),
    ("stand-in of debian", r"building a stand-in for .*debian", signal.SIGKILL),
    ("dependencies", r"install-modules\.sh --production", signal.SIGINT),
    ("application", r"build\.sh /app /out", signal.SIGKILL),
    ("system", r"sh /run/system\.sh", signal.SIGTERM),
    ("export", r"exporting layers", signal.SIGKILL),
    ("sizes", r"unpacking to|naming to", signal.SIGKILL),
)


@pytest.fixture
def checkout(tmp_path: Path, engine: Engine) -> Iterator[Path]:
    """A copy of the working tree."""
    yield copy(tmp_path / "checkout")
    for tag in ("latest-cpu", "1.0.0-cpu"):
        commands.capture(engine.argv("image", "rm", f"killed/test:{tag}"))


def environment(cache: Path) -> dict[str, str]:
    return {
        **os.environ,
        "MENTATOR_CACHE_DIR": str(cache),
        "MENTATOR_IMAGE": "killed/test",
        "MENTATOR_PROGRESS": "plain",
        "MENTATOR_BASES": "packages",
        # The smallest variant: these tests apply to all.
        "MENTATOR_VARIANT": "cpu",
        "MENTATOR_YES": "1",
    }


def test_build_succeeds_after_it_was_killed_at_each_stage(
    checkout: Path, tmp_path: Path, engine: Engine
) -> None:
    cache = tmp_path / "cache"
    for stage, line, how in STAGES:
        kill_build_at(stage, line, how, checkout, cache)

    done = subprocess.run(
        ["./mentator", "build"],
        cwd=checkout,
        env=environment(cache),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    record: dict[str, Any] = json.loads((checkout / "build" / "image.json").read_text())
    assert commands.capture(engine.argv("image", "inspect", record["digest"])).code == 0
    left = [str(path) for path in [*cache.rglob("*"), *(checkout / "build").rglob("*")]]
    # A lock stays behind, empty: removing it would let two processes hold it.
    named = [path for path in left if not path.endswith(".lock")]
    draft = re.compile(r"\.part$|/\.work|/\.[a-z]+-[0-9a-f]{12}\.")
    assert [path for path in named if draft.search(path)] == []
    assert list((checkout / "build").glob("metadata*")) == []
    staged = [path for path in left if path.endswith(".gguf") and "/context/model-" in path]
    assert len(staged) == 1


def kill_build_at(stage: str, line: str, how: signal.Signals, checkout: Path, cache: Path) -> None:
    """Run a build without the layer cache; kill it when it prints `line`."""
    with subprocess.Popen(
        ["./mentator", "build", "--no-cache"],
        cwd=checkout,
        env=environment(cache),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout
        seen = []
        for text in process.stdout:
            seen.append(text)
            if re.search(line, text):
                os.killpg(process.pid, how)
                break
        else:
            pytest.fail(f"the build did not reach stage {stage}:\n{''.join(seen[-60:])}")
        rest = process.stdout.read()
        code = process.wait(timeout=60)
    assert code != 0, f"{stage}: {rest[-500:]}"
    if how is not signal.SIGKILL:
        assert code == 130, f"{stage}: {rest[-500:]}"
        assert "Traceback" not in rest


def test_build_dry_prints_the_command_and_changes_nothing(checkout: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        ["./mentator", "build", "--dry"],
        cwd=checkout,
        env=environment(tmp_path / "cache"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    command = next(line for line in done.stdout.splitlines() if line.startswith("$ "))
    assert "buildx build" in command
    assert "--tag killed/test:latest-cpu" in command
    assert not (checkout / "build").exists()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--model", "/nonexistent/model.gguf"], 10, "/nonexistent/model.gguf"),
        (["--model", "tests"], 11, "tests"),
        (["--variant", "quantum"], 2, "cpu"),
        (["--node", "18"], 2, "22, 24"),
        (["--app", "docs"], 2, "package.json"),
        (["--app", "file:///nonexistent/app.git"], 13, "/nonexistent/app.git"),
        (["--app", "https://host/page"], 2, "https://host/page"),
    ],
    ids=[
        "model_is_missing",
        "model_is_a_folder",
        "variant_is_unknown",
        "node_version_is_unknown",
        "app_has_no_package_json",
        "app_repository_is_missing",
        "app_is_a_web_page",
    ],
)
def test_build_fails_with_its_own_exit_code_when(
    checkout: Path, tmp_path: Path, flags: list[str], code: int, words: str
) -> None:
    done = subprocess.run(
        ["./mentator", "build", *flags],
        cwd=checkout,
        env=environment(tmp_path / "cache"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
