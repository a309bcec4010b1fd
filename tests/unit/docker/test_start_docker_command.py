"""What docker/start-docker.sh becomes in the end: the service, or the command that was given."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator

import pytest

from scripts.shared.paths import REPOSITORY
from tests.unit import system_surface
from tests.unit.system_surface import ROOT, SOMEBODY, Surface, needs_root


@pytest.fixture
def surface() -> Iterator[Surface]:
    with system_surface.fresh() as made:
        yield made


def test_it_becomes_the_service_in_container_mode(surface: Surface) -> None:
    started = surface.start()
    assert started.code == 0, started.err
    service = started.reached()
    conf = surface.data / "mentator-llm-service.conf.jsonc"
    assert service.argv == ["distjs/index.js", "--conf-docker", str(conf)]
    assert service.cwd == str(surface.app)
    assert started.err == ""


def test_the_process_stays_the_same(surface: Surface) -> None:
    started = surface.start()
    assert started.reached().ids("Pid") == [started.pid]


def test_the_services_exit_code_is_the_containers(surface: Surface) -> None:
    surface.application("process.exit(2);")
    assert surface.start().code == 2


def test_options_replace_the_default_and_keep_their_spaces(surface: Surface) -> None:
    service = surface.start("--conf-use", "/etc/my conf.jsonc").reached()
    assert service.argv == ["distjs/index.js", "--conf-use", "/etc/my conf.jsonc"]
    assert service.env["MENTATOR_BACKEND_CHOICE"] == "cpu"


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_questions_about_the_program_need_nothing_and_print_nothing_else(
    surface: Surface, option: str
) -> None:
    surface.data.rmdir()
    started = surface.start(option, env={"MENTATOR_BACKEND": "metal"})
    assert started.out == "the service\n"
    assert started.reached().argv == ["distjs/index.js", option]
    assert not surface.data.exists()


def test_another_command_is_run_as_it_is(surface: Surface) -> None:
    started = surface.start(
        "sh", "-c", 'echo "$0 $1 $LLAMA_CUDA"', "a  b", "c", env={"LLAMA_CUDA": "x"}
    )
    assert (started.code, started.out) == (0, "a  b c x\n")
    assert started.service is None


def test_a_command_that_is_not_there(surface: Surface) -> None:
    started = surface.start("no-such-command")
    assert started.code == 127
    assert "no-such-command" in started.err


def test_a_missing_node_is_reported(surface: Surface) -> None:
    (surface.tools / "node").unlink()
    started = surface.start()
    assert started.code == 127
    assert "node" in started.err


@needs_root
def test_another_command_stays_root(surface: Surface) -> None:
    surface.own(surface.data, 1000)
    assert surface.start("id", "-u", uid=ROOT).out == "0\n"


@pytest.mark.parametrize("home", [None, "", "/no/such/folder", "/proc"])
def test_a_home_that_cannot_be_written_becomes_the_data_folder(
    surface: Surface, home: str | None
) -> None:
    service = surface.start(env={"HOME": home}).reached()
    assert service.env["HOME"] == str(surface.data)


def test_a_home_that_can_be_written_is_kept(surface: Surface) -> None:
    home = surface.record / "home"
    home.mkdir()
    surface.own(home, SOMEBODY)
    assert surface.start(env={"HOME": str(home)}).reached().env["HOME"] == str(home)


@pytest.mark.parametrize(("given", "used"), [(None, "2"), ("4", "4")])
def test_few_heaps_keep_what_was_freed(surface: Surface, given: str | None, used: str) -> None:
    env = surface.start(env={"MALLOC_ARENA_MAX": given}).reached().env
    assert env["MALLOC_ARENA_MAX"] == used


@pytest.mark.parametrize("uptime", ["12.05 3.00", "0.09 0.01", "12 3", "12.5 3", "12.057 3", "0"])
def test_its_own_time_is_reported(surface: Surface, uptime: str) -> None:
    surface.file("/proc/uptime", f"{uptime}\n")
    assert surface.start().row("time") == "time    0 ms in this script"


@pytest.mark.parametrize("uptime", ["x 3", "1.2.3", ""])
def test_after_a_damaged_uptime_its_time_is_unknown(surface: Surface, uptime: str) -> None:
    surface.file("/proc/uptime", f"{uptime}\n")
    assert surface.start().row("time") == "time    unknown in this script"


def test_its_own_time_is_measured(surface: Surface) -> None:
    (surface.root / "proc").symlink_to("/proc")
    assert re.fullmatch(r"time    \d+ ms in this script", surface.start().row("time"))


def test_without_proc_its_time_is_unknown(surface: Surface) -> None:
    assert "unknown" in surface.start().row("time")


def test_a_normal_log_is_one_block_without_alarming_words(surface: Surface) -> None:
    surface.defaults(small="abc")
    out = surface.start().out
    assert out.startswith("Mentator is starting\n")
    assert [line.split()[0] for line in out.splitlines()[1:-1]] == [
        *("user", "data", "models", "image", "cuda", "rocm", "vulkan", "chosen", "barrier", "time"),
    ]
    assert not re.search("error|fail|warn", out, re.IGNORECASE)


def test_nothing_of_the_scripts_own_reaches_the_service(surface: Surface) -> None:
    env = surface.start().reached().env
    ours = {name for name in env if name.startswith("MENTATOR_")}
    assert ours == {
        *("MENTATOR_BACKEND_CHOICE", "MENTATOR_BACKEND_REASON", "MENTATOR_BACKEND_TABLE"),
        "MENTATOR_SYSTEM_ROOT",
    }


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_while_it_prepares_is_heeded(
    surface: Surface, sent: signal.Signals, code: int
) -> None:
    """As PID 1 it would ignore a signal without a trap."""
    surface.defaults(small="abc")
    surface.tool("cp", 'touch "$RECORD/copying"; sleep 0.3')
    process = surface.popen()
    deadline = time.monotonic() + 10
    while not (surface.record / "copying").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    stopped = surface.stop_once(process, sent)
    assert stopped.code == code
    assert stopped.service is None


def test_it_is_executable() -> None:
    assert os.access(REPOSITORY / "docker/start-docker.sh", os.X_OK)
