from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from scripts.shared import commands
from scripts.shared.node_tools import node_argv, npm_argv
from scripts.shared.paths import REPOSITORY

SCRIPT = REPOSITORY / "docker" / "application" / "copy-files.mjs"

#: What a built application's folder may hold.
FILES = (
    "distjs/index.js",
    "src/static/page.html",
    "src/index.ts",
    "views/a/b.html",
    "package-lock.json",
    "node_modules/x/index.js",
    ".env",
    ".git/config",
)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def copied(app: Path, **more: Any) -> set[str]:
    """What of an application goes into the image."""
    (app / "package.json").write_text(json.dumps({"name": "a", "version": "1.0.0", **more}))
    done = run(app)
    assert done.code == 0, done.err
    out = app.parent / "out"
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}


def run(app: Path) -> commands.Result:
    tools = app.parent / "tools"
    tools.mkdir(exist_ok=True)
    npm = " ".join(npm_argv())
    (tools / "npm").write_text(f'#!/bin/sh\nexec {npm} "$@"\n')
    (tools / "npm").chmod(0o755)
    environment = {"PATH": f"{tools}:{os.environ['PATH']}"}
    return commands.capture([*node_argv(), str(SCRIPT), str(app), str(app.parent / "out")],
                            env=environment)  # fmt: skip


def test_without_files_in_package_json_all_but_modules_and_hidden_is_copied(app: Path) -> None:
    assert copied(app) == {
        "package.json",
        "package-lock.json",
        "distjs/index.js",
        "src/index.ts",
        "src/static/page.html",
        "views/a/b.html",
    }


def test_with_files_in_package_json_only_these_are_copied(app: Path) -> None:
    (app / ".gitignore").write_text("distjs\n")
    assert copied(app, files=["src/static"]) == {
        "package.json",
        "distjs/index.js",
        "src/static/page.html",
    }


def test_the_service_names_its_files() -> None:
    manifest = json.loads((REPOSITORY / "service/package.json").read_text())
    assert manifest["files"] == ["distjs", "src/static"]


def test_a_build_without_an_entry_point_is_an_error(app: Path) -> None:
    (app / "distjs/index.js").unlink()
    (app / "package.json").write_text("{}")
    done = run(app)
    assert done.code == 1
    assert "did not write distjs/index.js" in done.err
