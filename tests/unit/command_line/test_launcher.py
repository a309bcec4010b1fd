from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.shared.paths import REPOSITORY

#: A Python that stands in for the machine's: it makes an environment with itself as the Python,
#: and says what it was called for. Its behaviour is set by files beside it.
PYTHON = """#!/bin/sh
state={state}
case "$1 $2" in
    '-c import sys; sys.exit(sys.version_info < (3, 11))') [ ! -e "$state/old" ] ;;
    '-c import ensurepip, venv') [ ! -e "$state/no-venv" ] ;;
    '-c import fcntl'*) exec {python} "$@" ;;
    '-c import invoke') [ ! -e "$state/elsewhere" ] ;;
    '--version '*) if [ -e "$state/old" ]; then echo Python 3.9.2; else echo Python 3.11.7; fi ;;
    '-m venv')
        echo venv >>"$state/log"
        if [ -e "$state/slow" ]; then sleep 1; fi
        mkdir -p "$3/bin"
        if [ -e "$state/cut" ]; then kill -KILL $PPID; exit 1; fi
        cp "$0" "$3/bin/python" ;;
    '-m pip')
        echo "pip $*" >>"$state/log"
        env | grep -E '^(PIP|PYTHON)' | sort >"$state/environment" || true
        [ ! -e "$state/no-index" ] ;;
    */scripts/command_line*)
        printf '[%s]' "$@" ;;
    *) echo "unexpected: $*" >&2; exit 99 ;;
esac
"""

UV = """#!/bin/sh
state={state}
echo "uv $*" >>"$state/log"
if [ "$1" = venv ]; then
    for folder in "$@"; do :; done
    mkdir -p "$folder/bin"
    cp {folder}/python3 "$folder/bin/python"
fi
"""

#: What the launcher itself uses of the machine.
TOOLS = (
    *("sh", "cat", "cp", "dirname", "env", "grep", "mkdir", "mv", "readlink", "rm", "sed"),
    *("sha256sum", "sleep", "sort"),
)


class Machine:
    """A checkout with the launcher, and a machine of which it sees only these programs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.checkout = root / "a checkout"
        self.programs = root / "bin"
        (self.checkout / "requirements").mkdir(parents=True)
        self.programs.mkdir()
        shutil.copy2(REPOSITORY / "mentator", self.checkout / "mentator")
        self.lock = self.checkout / "requirements" / "run.txt"
        self.lock.write_text("invoke==1\n")
        for name in TOOLS:
            found = shutil.which(name)
            assert found, name
            (self.programs / name).symlink_to(found)
        self.program("python3", PYTHON)

    def program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(
            text.replace("{state}", str(self.root))
            .replace("{folder}", str(path.parent))
            .replace("{python}", sys.executable)
        )
        path.chmod(0o755)

    def run(
        self,
        *words: str,
        cwd: Path | None = None,
        launcher: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(launcher or self.checkout / "mentator"), *words],
            cwd=cwd or self.root,
            env=self.environment() | dict(variables or {}),
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        ours = ("MENTATOR_", "PIP_", "PYTHON")
        environ = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        return {**environ, "PATH": str(self.programs)}

    def log(self) -> list[str]:
        path = self.root / "log"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_first_use_makes_the_environment_and_the_second_uses_it(machine: Machine) -> None:
    first = machine.run("build")
    assert first.returncode == 0, first.stderr
    program = f"[{machine.checkout}/scripts/command_line][{machine.checkout}/mentator]"
    assert first.stdout == f"{program}[build]"
    venv, pip = machine.log()
    assert venv == "venv"
    assert "--require-hashes" in pip
    assert "--no-deps" in pip, "else pip asks for a newer version of a package with an extra"
    assert str(machine.lock) in pip
    second = machine.run("build")
    assert second.stdout == first.stdout
    assert second.stderr == ""
    assert len(machine.log()) == 2


def test_another_lock_is_installed_into_the_same_environment(machine: Machine) -> None:
    machine.run()
    machine.lock.write_text("invoke==2\n")
    machine.run()
    machine.run()
    assert [line.split()[0] for line in machine.log()] == ["venv", "pip", "pip"]


def test_arguments_and_folders_with_spaces_pass_through(machine: Machine) -> None:
    elsewhere = machine.root / "else where"
    elsewhere.mkdir()
    done = machine.run("ask", "two words", "", "*", cwd=elsewhere)
    program = f"[{machine.checkout}/scripts/command_line][{machine.checkout}/mentator]"
    assert done.stdout == f"{program}[ask][two words][][*]"


@pytest.mark.parametrize("name", ["back\\slash", "new\nline", "$(x) `y` %s", "ключ"])
def test_in_a_checkout_of_any_name_the_requirements_are_installed_once(
    machine: Machine, name: str
) -> None:
    machine.checkout = machine.checkout.rename(machine.root / name)
    for _ in range(3):
        done = machine.run("build")
        assert done.returncode == 0, done.stderr
    words = [line.split()[0] for line in machine.log()]  # a path may take two lines
    assert [word for word in words if word in ("venv", "pip")] == ["venv", "pip"]


def test_a_checkout_with_a_colon_in_its_path_is_one_clear_line(machine: Machine) -> None:
    machine.checkout = machine.checkout.rename(machine.root / "a:b")
    done = machine.run("build")
    assert done.returncode == 2
    assert f"error: The path of this checkout has a colon: {machine.root}/a:b." in done.stderr
    assert machine.log() == []


def test_completing_a_word_installs_nothing(machine: Machine) -> None:
    done = machine.run("--complete", "--", "bu")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.log() == []


def test_a_python_that_is_too_old_is_one_clear_line(machine: Machine) -> None:
    (machine.root / "old").touch()
    done = machine.run("build")
    assert done.returncode == 2
    error, hint = done.stderr.splitlines()
    assert error == "error: Python 3.11 or newer is needed; this machine has Python 3.9.2."
    assert hint.startswith("  next: ")
    assert machine.log() == []


def test_no_python_at_all_is_one_clear_line(machine: Machine) -> None:
    (machine.programs / "python3").unlink()
    done = machine.run("build")
    assert done.returncode == 2
    assert "this machine has no python3." in done.stderr


def test_a_newer_python_of_another_name_is_found(machine: Machine) -> None:
    machine.program("python3.12", PYTHON)
    machine.program("python3", "#!/bin/sh\nexit 1\n")
    done = machine.run("build")
    assert done.returncode == 0, done.stderr
    assert machine.log()[0] == "venv"


def test_a_python_without_venv_is_one_clear_line(machine: Machine) -> None:
    (machine.root / "no-venv").touch()
    done = machine.run("build")
    assert done.returncode == 2
    assert "error: This Python has no venv module." in done.stderr
    assert "python3-venv" in done.stderr


def test_uv_makes_the_environment_where_it_is_there(machine: Machine) -> None:
    machine.program("uv", UV)
    (machine.root / "no-venv").touch()
    done = machine.run("build")
    assert done.returncode == 0, done.stderr
    made, installed = machine.log()
    assert made.startswith("uv venv --quiet --seed --python ")
    assert installed.startswith("pip -m pip install ")
    assert "--require-hashes" in installed


def test_an_unreachable_index_is_reported_and_the_next_run_continues(machine: Machine) -> None:
    (machine.root / "no-index").touch()
    done = machine.run("build")
    assert done.returncode == 2
    assert "error: The requirements could not be installed." in done.stderr
    (machine.root / "no-index").unlink()
    assert machine.run("build").returncode == 0


def test_an_incomplete_environment_is_made_again(machine: Machine) -> None:
    (machine.root / "cut").touch()
    assert machine.run("build").returncode == -9
    (machine.checkout / ".venv" / "half").touch()
    (machine.root / "cut").unlink()
    done = machine.run("build")
    assert done.returncode == 0, done.stderr
    assert not (machine.checkout / ".venv" / "half").exists()


def test_an_environment_without_its_python_is_made_again(machine: Machine) -> None:
    machine.run("build")
    (machine.checkout / ".venv" / "bin" / "python").unlink()
    (machine.checkout / ".venv" / "bin" / "python").symlink_to("/nonexistent/python3")
    done = machine.run("build")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in machine.log()] == ["venv", "pip", "venv", "pip"]


def test_only_the_variables_that_name_the_index_reach_pip(machine: Machine) -> None:
    wrong = {
        **dict.fromkeys(("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONPATH"), "/nowhere"),
        **dict.fromkeys(("PIP_USER", "PIP_DRY_RUN", "PYTHONINSPECT", "PYTHONSAFEPATH"), "1"),
        "PYTHONHOME": "/nowhere",
    }
    right = {"PIP_INDEX_URL": "https://mirror", "PIP_CERT": "/ca.pem", "PIP_TIMEOUT": "9"}
    done = machine.run("build", variables={**wrong, **right})
    assert done.returncode == 0, done.stderr
    seen = (machine.root / "environment").read_text().splitlines()
    assert seen == sorted(f"{name}={value}" for name, value in right.items())


def test_requirements_that_went_elsewhere_are_an_error_and_the_next_run_installs(
    machine: Machine,
) -> None:
    (machine.root / "elsewhere").touch()
    done = machine.run("build")
    assert done.returncode == 2
    assert "error: pip did not install into" in done.stderr
    (machine.root / "elsewhere").unlink()
    assert machine.run("build").returncode == 0


def test_first_runs_side_by_side_make_one_environment(machine: Machine) -> None:
    (machine.root / "slow").touch()
    argv = [str(machine.checkout / "mentator"), "build"]
    runs = [
        subprocess.Popen(
            argv,
            env=machine.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for run in runs:
        out, err = run.communicate(timeout=60)
        assert run.returncode == 0, err
        assert out == f"[{machine.checkout}/scripts/command_line][{argv[0]}][build]"
    assert [line.split()[0] for line in machine.log()] == ["venv", "pip"]


def test_a_link_to_the_launcher_uses_the_checkout(machine: Machine) -> None:
    folder = machine.root / "home" / "bin"
    folder.mkdir(parents=True)
    (folder / "first").symlink_to("../../a checkout/mentator")
    (folder / "second").symlink_to(folder / "first")
    done = machine.run("build", launcher=folder / "second")
    assert done.returncode == 0, done.stderr
    program = f"[{machine.checkout}/scripts/command_line][{folder / 'second'}]"
    assert done.stdout == f"{program}[build]"
