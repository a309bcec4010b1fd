"""The program behind `./mentator`, run as the launcher runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tasks
from scripts.command_line.completion import SHELLS
from scripts.shared.paths import REPOSITORY

NAMES = sorted("".join(name) for name in tasks.namespace.task_names)


def environment(**more: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("MENTATOR_")}
    # No engine is found: a word that is not refused must not start a build.
    return {**kept, "DOCKER_HOST": "unix:///nonexistent/docker.sock", **more}


def mentator(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "scripts" / "command_line"), "./mentator", *words],
        env=environment(**variables),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["--list"]])
def test_it_says_its_name_and_lists_each_task_in_one_line(words: list[str]) -> None:
    done = mentator(*words)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Mentator 1.")
    for name in NAMES:
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert len(line.split()) > 2, line
    assert "nvoke" not in done.stdout


def test_it_says_its_version() -> None:
    package = json.loads((REPOSITORY / "service" / "package.json").read_text("utf-8"))
    assert mentator("--version").stdout == f"Mentator {package['version']}\n"


@pytest.mark.parametrize("task", NAMES)
def test_the_help_of_a_task_stands_on_both_sides(task: str) -> None:
    after, before = mentator(task, "--help"), mentator("--help", task)
    assert after.returncode == 0
    assert after.stdout == before.stdout
    assert after.stdout.startswith(f"Usage: ./mentator {task}")


@pytest.mark.parametrize(
    ("words", "task"),
    [
        (["ask", "--prompt", "--help"], "ask"),
        (["ask", "build", "--help"], "ask"),
        (["build", "--model", "--help"], "build"),
        (["build", "--dry", "--help", "--no-cache"], "build"),
        (["config", "build", "--help"], "build"),
        (["cache.export", "--to", "-h"], "cache.export"),
    ],
)
def test_help_is_shown_wherever_it_stands(words: list[str], task: str) -> None:
    done = mentator(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: ./mentator {task} ")


def test_the_help_of_a_task_names_choices_and_defaults() -> None:
    out = mentator("build", "--help").stdout
    assert "(one of: universal, cuda, rocm, vulkan, cpu; default: universal)" in out
    assert "(one of: auto, registry, packages; default: auto)" in out


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["bild"], "There is no task bild.", "Did you mean build?"),
        (["engine.stat"], "There is no task engine.stat.", "Did you mean engine.start?"),
        (["build", "--vriant", "cpu"], "has no flag --vriant", "Did you mean --variant?"),
        (["--versoin"], "There is no flag --versoin.", "Did you mean --version?"),
        (["--help", "bild"], "There is no task bild.", "Did you mean build?"),
        (["bild", "--help"], "There is no task bild.", "Did you mean build?"),
        (["qqqqqq"], "There is no task qqqqqq.", "`./mentator --help` lists all."),
        (["ask", "two", "words"], "takes one text", "quotes"),
        (["ask"], "Task ask needs PROMPT.", "`./mentator ask --help`"),
        (["build", "--cache-to"], "--cache-to needs a value.", "`./mentator build --help`"),
        (["build", "--model", "--yes"], "--model needs a value.", "`./mentator build --help`"),
        (["config", "--", "x"], "Nothing may stand after `--`.", "`./mentator --help`"),
        (["--dry", "pins.update"], "There is no flag --dry.", ""),
        (["build", "--dry", "--model", "-x"], "looks like a flag", "./"),
        (["ask", "-what"], "Task ask has no flag -what.", ""),
        (["build", "--vriant=cpu"], "has no flag --vriant", "Did you mean --variant?"),
        (["build", "--cache-to", "--yes"], "--cache-to needs a value.", ""),
        (["export", "--output", "--zzz"], "looks like a flag", "./"),
        (["up", "--port", "abc"], "port = 'abc' (flag) is not a whole number.", ""),
        (["up", "--data", str(REPOSITORY / "README.md")], "is not a folder", "Name a folder"),
        (["build", "--variant", "cup"], "is not one of universal", ""),
        (["publish", "--registry", "myregistry"], "is not a registry's host", ""),
        (["--print-completion-script", "tcsh"], "no completion for the shell 'tcsh'", "zsh"),
    ],
)
def test_what_is_not_understood_names_the_nearest_and_ends_with_2(
    words: list[str], what: str, hint: str
) -> None:
    done = mentator(*words)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    first, *rest = done.stderr.splitlines()
    assert what in first
    assert hint in " ".join(rest)


def test_a_dry_build_refuses_a_model_that_is_none() -> None:
    done = mentator("build", "--dry", "--bases", "packages", "--model", "/etc/passwd")
    assert done.returncode == 11
    assert done.stderr.startswith("error: /etc/passwd ")
    assert "docker buildx" not in done.stdout


def test_next_steps_name_the_program_that_was_typed(tmp_path: Path) -> None:
    words = ["cache.import", "--source", str(tmp_path), "--bases", "packages"]
    program = str(REPOSITORY / "scripts" / "command_line")
    for argv, name in (
        ([sys.executable, program, "../mentator", "ask"], "../mentator"),
        ([sys.executable, program, "/opt/m/mentator", "ask"], "/opt/m/mentator"),
    ):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert f"`{name} ask --help`" in done.stderr
    port = "MENTATOR_PORT=9"
    for invoke in ([sys.executable, "-m", "invoke"], [str(Path(sys.executable).parent / "invoke")]):
        done = subprocess.run(
            ["env", port, *invoke, "--search-root", str(REPOSITORY), "ask", "x"],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 31
        assert "`invoke up` starts it" in done.stderr, words


@pytest.mark.parametrize("task", ["config", "doctor", "down"])
def test_a_bad_setting_does_not_stop_the_tasks_that_help(task: str, tmp_path: Path) -> None:
    words = [task, "--json"] if task != "down" else [task]
    done = mentator(*words, MENTATOR_PORT="http", MENTATOR_NAME="mentator-test-absent")
    assert "warning: port = 'http' (environment) is not a whole number." in done.stderr
    assert done.returncode != 2
    refused = mentator("build", "--dry", MENTATOR_PORT="http")
    assert refused.returncode == 2


HOMELESS = """
import pwd, sys
def unknown(uid): raise KeyError(uid)
pwd.getpwuid = unknown
sys.path.insert(0, {repository!r})
from scripts.command_line.program import main
main(["./mentator", *sys.argv[1:]])
"""


def homeless(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """As a container's user without an account: no HOME, no row in /etc/passwd."""
    code = HOMELESS.format(repository=str(REPOSITORY))
    variables = {**environment(), **variables}
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        env={k: v for k, v in variables.items() if k != "HOME" and v},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("words", [["config"], ["up", "--yes"], ["engine.status"], ["down"]])
def test_without_a_home_it_works_or_says_what_to_set(words: list[str]) -> None:
    done = homeless(*words, XDG_DATA_HOME="", XDG_CACHE_HOME="")
    assert "Traceback" not in done.stderr
    if words == ["config"]:
        assert done.returncode == 0
    else:
        assert done.returncode == 2
        assert "this user has no home folder" in done.stderr
        assert "next: Set HOME" in done.stderr


def test_a_question_needs_no_home() -> None:
    done = homeless("ask", "x", MENTATOR_PORT="9", XDG_DATA_HOME="")
    assert done.returncode == 31, done.stderr


def test_without_a_home_but_with_all_folders_a_dry_build_works(tmp_path: Path) -> None:
    folders = {"XDG_DATA_HOME": str(tmp_path / "d"), "XDG_CACHE_HOME": str(tmp_path / "c")}
    done = homeless("build", "--dry", "--bases", "packages", "--variant", "cpu", **folders)
    assert done.returncode == 0, done.stderr
    assert "docker buildx build" in done.stdout or "buildx build" in done.stdout


def complete(*words: str) -> list[str]:
    return mentator("--complete", "--", *words).stdout.split()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["bu"], ["build"]),
        (["engine.st"], ["engine.start", "engine.status", "engine.stop"]),
        (["build", "--varia"], ["--variant"]),
        (["build", "--variant", ""], ["universal", "cuda", "rocm", "vulkan", "cpu"]),
        (["build", "--variant", "c"], ["cuda", "cpu"]),
        (["build", "--variant=c"], ["--variant=cuda", "--variant=cpu"]),
        (["build", "--variant", "=", "c"], ["cuda", "cpu"]),
        (["build", "--variant", "="], ["universal", "cuda", "rocm", "vulkan", "cpu"]),
        (["up", "--backend", "r"], ["rocm"]),
        (["build", "--yes", "publ"], ["publish"]),
        (["build", "--model", ""], []),
        (["ask", ""], []),
        (["ask", "hello", "--mo"], ["--model"]),
        (["publish", ""], ["--dry", "--registry", "--replace", "--sign-key", "--help"]),
        (["--ver"], ["--version"]),
        (["zzz"], []),
    ],
)
def test_completion_offers_tasks_flags_and_values(words: list[str], found: list[str]) -> None:
    assert complete(*words) == found


#: Asks each shell itself what it would offer. The launcher stands in for ours, one folder up.
ASK = {
    "bash": """
        source "$1"
        COMP_WORDS=(./mentator build --variant c) COMP_CWORD=3
        _mentator
        printf '%s\\n' "${COMPREPLY[@]}"
        complete -p mentator >/dev/null
    """,
    "fish": "source $argv[1]; complete --do-complete './mentator build --variant c'",
    "zsh": """
        compdef() { [[ $2 == mentator ]] }  # the completion system needs a terminal
        compadd() { shift; print -l -- $@ }
        source "$1"
        words=(./mentator build --variant c) CURRENT=4
        _mentator
    """,
}


#: bash is everywhere; the others are tested where a developer uses them.
HERE = [shell for shell in sorted(SHELLS) if shell == "bash" or shutil.which(shell)]


@pytest.mark.parametrize("shell", HERE)
def test_a_shell_completes_the_launcher(shell: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(mentator("--print-completion-script", shell).stdout)
    launcher = tmp_path / "mentator"
    program = REPOSITORY / "scripts" / "command_line"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}" "$0" "$@"\n')
    launcher.chmod(0o755)
    checked = subprocess.run([shell, "-n", script], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    name = [] if shell == "fish" else [shell]
    argv = [shell, "-c", ASK[shell], *name, str(script)]
    done = subprocess.run(
        argv, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert sorted(done.stdout.split()) == ["cpu", "cuda"], done.stderr
