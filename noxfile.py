"""The test sessions: `nox -s lint unit coverage image smoke_cpu smoke_cuda smoke_rocm bench`.

Arguments after `--` go to pytest, e.g. `nox -s smoke_cuda -- --require-hardware`.
"""

from __future__ import annotations

import nox

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
def smoke_cpu(session: nox.Session) -> None:
    """The built image, by digest, on the CPU; the result goes to build/smoke.json."""
    _run(session, "pytest", "tests/smoke/test_cpu.py")


#: The GPU smokes' first layer, which takes no card: the backends in the image, the probe, and the
#: choice on fakes of the system's surface. Their second layer is in tests/smoke.
ALWAYS = ("tests/image/test_backends.py", "tests/image/test_probe.py")


@nox.session(venv_backend="none")
def smoke_cuda(session: nox.Session) -> None:
    """The image's CUDA, on fakes and on a card; only the latter skips, or --require-hardware."""
    first = (*ALWAYS, "tests/image/test_choice_nvidia.py")
    _run(session, "pytest", *first, "tests/smoke/test_cuda.py")


@nox.session(venv_backend="none")
def smoke_rocm(session: nox.Session) -> None:
    """The image's ROCm, on fakes and on a card; only the latter skips, or --require-hardware."""
    first = (*ALWAYS, "tests/image/test_choice_amd.py")
    _run(session, "pytest", *first, "tests/smoke/test_rocm.py")


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """Speed and size as ratios against a named peer, paired in this run."""
    _run(session, "tests.bench")
