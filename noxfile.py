"""The test sessions: `nox -l` lists them. A smoke session for each row of the table of backends.

Arguments after `--` go to pytest. A GPU's smoke tests skip what needs a card where there is none,
or fail: `nox -s smoke_cuda -- --require-hardware`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nox

HERE = Path(__file__).parent

nox.options.sessions = ["lint", "unit", "image", "smoke_cpu"]

#: The launcher's environment: every session needs the same locked requirements, so all share one,
#: and it does not matter which nox started them.
PYTHON = ".venv/bin/python"


def _run(session: nox.Session, module: str, *arguments: str) -> None:
    session.run("./mentator", "--version", external=True, silent=True)
    session.run(PYTHON, "-m", "scripts.shared.python_environment", "dev", external=True)
    session.run(PYTHON, "-m", module, *arguments, *session.posargs, external=True)


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Every linter; the Dockerfile's and the service's need an engine."""
    _run(session, "invoke", "lint")


@nox.session(venv_backend="none")
def unit(session: nox.Session) -> None:
    """Tests that need nothing but files, in a process for each core."""
    _run(session, "pytest", "tests/unit", "-n", "auto")


@nox.session(venv_backend="none")
def coverage(session: nox.Session) -> None:
    """The unit tests, and which lines of `scripts/` they do not reach; no threshold."""
    report = ("--cov=scripts", "--cov-report=term-missing:skip-covered")
    _run(session, "pytest", "tests/unit", "-n", "auto", *report)


@nox.session(venv_backend="none")
def image(session: nox.Session) -> None:
    """Tests against a real engine and the image built last."""
    _run(session, "pytest", "tests/image")


@nox.session(venv_backend="none")
def reproducible(session: nox.Session) -> None:
    """One digest from two builds without cache under other umasks. `-- -k cpu` for one."""
    _run(session, "pytest", "tests/reproducible")


#: The rows of the table of backends. The file is read as it is: nox may run in an environment of
#: its own, without the pipeline's requirements.
MODES = json.loads((HERE / "docker" / "backends.json").read_text(encoding="utf-8"))["modes"]

#: The GPU smokes' first layer, which takes no card: the backends in the image and the probe; then
#: the choice on fakes of the system's surface. Their second layer is in tests/smoke.
ALWAYS = ("tests/image/test_backends.py", "tests/image/test_probe.py")


def _smoke(mode: dict[str, Any]) -> Callable[[nox.Session], None]:
    name = mode["name"]
    files = [f"tests/smoke/test_{name}.py"]
    if mode["signs"]:
        choice = f"tests/image/test_choice_{mode['container']['profile']}.py"
        files = [*ALWAYS, *([choice] if (HERE / choice).is_file() else []), *files]

    def smoke(session: nox.Session) -> None:
        _run(session, "pytest", *files)

    smoke.__doc__ = f"The built image, by digest, on {mode['title']}; into build/smoke.json."
    return smoke


for _mode in MODES:
    nox.session(name=f"smoke_{_mode['name']}", venv_backend="none")(_smoke(_mode))


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """Speed and size as ratios against a named peer, paired in this run."""
    _run(session, "tests.bench")


@nox.session(venv_backend="none")
def fleet(session: nox.Session) -> None:
    """The stack of deploy/swarm on three engines of this machine; takes minutes, as root."""
    _run(session, "pytest", "tests/fleet")


@nox.session(venv_backend="none")
def fleet_bench(session: nox.Session) -> None:
    """The same: two replicas or one, shared prompts, 10,000 requests with a node lost."""
    _run(session, "tests.fleet")


@nox.session(venv_backend="none")
def kills(session: nox.Session) -> None:
    """End the making of a stand-in, or `up`, at random moments, and look what is left."""
    _run(session, "tests.kills")
