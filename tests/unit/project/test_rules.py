"""The rules of docs/architecture.md, read from the source: who may see, catch and start what."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.shared import commands, errors
from scripts.shared.paths import REPOSITORY

SOURCES = {
    str(path.relative_to(REPOSITORY)): ast.parse(path.read_text(encoding="utf-8"))
    for path in (REPOSITORY / "tasks.py", *sorted((REPOSITORY / "scripts").rglob("*.py")))
}

#: Where flags become settings, and the modules that resolve them for their room.
SEE_SETTINGS = {
    "tasks.py",
    "scripts/shared/settings_sources.py",
    "scripts/shared/settings_values.py",
    "scripts/shared/settings_report.py",
    "scripts/shared/edge.py",
    "scripts/image/build_request.py",
    "scripts/image/bake_task.py",
    "scripts/running/up_request.py",
    "scripts/running/model_tasks.py",
    "scripts/deploy/deploy_request.py",
    "scripts/deploy/deploy_task.py",
    "scripts/trust/verify_task.py",
}

#: Where an error becomes a message and an exit code.
END_THE_PROGRAM = {"scripts/shared/edge.py"}

#: The program itself, which exits with the code that the edge says.
EXITS = END_THE_PROGRAM | {"scripts/command_line/program.py"}

#: Commands, and a daemon that outlives the pipeline.
START_PROCESSES = {"scripts/shared/commands.py", "scripts/docker_engine/process.py"}

#: The one seam, and the modules behind it.
WITHOUT_REGISTRY = "scripts/without_registry/"


def imports(tree: ast.AST) -> Iterator[str]:
    """Every name that a module imports, in full: `a.b` and, of `from a import b`, `a` and `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def where(*forbidden: str) -> set[str]:
    """The files that import one of these names."""
    return {name for name, tree in SOURCES.items() if set(forbidden) & set(imports(tree))}


def caught(tree: ast.AST) -> Iterator[str]:
    """The names after `except` and in `suppress(...)`; `BaseException` for a bare `except`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            kinds = [node.type] if node.type else []
            yield from () if kinds else ("BaseException",)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            kinds = list(node.args)
        else:
            continue
        for kind in kinds:
            parts = kind.elts if isinstance(kind, ast.Tuple) else [kind]
            yield from (ast.unparse(part).rpartition(".")[2] for part in parts)


def calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_only_the_edge_sees_the_settings() -> None:
    assert where("scripts.shared.settings", "scripts.shared.settings_sources") <= SEE_SETTINGS


def test_only_the_edge_turns_an_error_into_an_exit_code() -> None:
    """Others may catch one kind of error, where it is the cause of another or has a remedy."""
    assert {name for name, tree in SOURCES.items() if "PipelineError" in caught(tree)} <= (
        END_THE_PROGRAM
    )
    ends = {"sys.exit", "exit", "os._exit", "SystemExit", "Exit"}
    assert {name for name, tree in SOURCES.items() if ends & set(calls(tree))} == EXITS


def test_nothing_hides_an_error_of_any_kind() -> None:
    for name, tree in SOURCES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and (
                node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")
            ):
                body = ast.dump(ast.Module(node.body, []))
                assert "Raise(" in body or "put" in body, f"{name}:{node.lineno}"


def test_only_two_modules_start_processes() -> None:
    assert where("subprocess", "pty", "multiprocessing") == START_PROCESSES
    starts = {"exec", "spawn", "popen", "system", "fork", "posix_spawn"}
    found = {
        name
        for name, tree in SOURCES.items()
        for call in calls(tree)
        if call.startswith("os.") and any(call[3:].startswith(start) for start in starts)
    }
    assert found <= START_PROCESSES


def test_what_needs_no_registry_is_entered_through_one_seam() -> None:
    inside = [f"{WITHOUT_REGISTRY}{path.name}" for path in
              (REPOSITORY / WITHOUT_REGISTRY).glob("*.py")]  # fmt: skip
    modules = {name.removesuffix(".py").replace("/", ".") for name in inside} - {
        "scripts.without_registry.__init__"
    }
    assert where(*modules) <= set(inside)
    users = where("scripts.without_registry") - set(inside)
    assert users == {
        "scripts/bases/__init__.py",
        "scripts/docker_engine/apt.py",
        "scripts/model/__init__.py",
    }


def test_a_build_with_a_registry_loads_nothing_behind_the_seam() -> None:
    code = (
        "import sys, tasks, scripts.image.build, scripts.image.build_request, scripts.running.up; "
        "print([name for name in sys.modules if name.startswith('scripts.without_registry.')])"
    )
    assert commands.check([sys.executable, "-c", code], cwd=REPOSITORY) == "[]"


@pytest.mark.parametrize("kind", sorted(
    name for name, member in vars(errors).items()
    if isinstance(member, type) and issubclass(member, errors.PipelineError)
    and "exit_code" in vars(member) and name != "PipelineError"
))  # fmt: skip
def test_every_kind_of_error_is_raised_somewhere(kind: str) -> None:
    used = {
        name
        for name, tree in SOURCES.items()
        if name != "scripts/shared/errors.py"
        for call in ast.walk(tree)
        if isinstance(call, ast.Name) and call.id == kind
    }
    assert used, f"{kind} is raised nowhere"


def test_no_module_name_stands_twice() -> None:
    names = [Path(name).stem for name in SOURCES if not name.endswith("__init__.py")]
    assert sorted(set(names)) == sorted(names)


def test_no_file_is_longer_than_250_lines() -> None:
    long = {
        name for name in SOURCES if len((REPOSITORY / name).read_text("utf-8").splitlines()) > 250
    }
    assert long == set()
