from __future__ import annotations

import os
import pty
import select
import sys
from collections.abc import Iterator

import pytest

from scripts.shared import console
from scripts.shared.errors import CommandFailed


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1550, "1.6 kB"),
        (2_500_000, "2.5 MB"),
        (3_210_000_000, "3.2 GB"),
        (5_000_000_000_000, "5000.0 GB"),
        (-2000, "-2.0 kB"),
    ],
)
def test_sizes_are_in_si_units(count: int, text: str) -> None:
    assert console.size(count) == text


def test_an_echoed_command_is_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    console.echo(["docker", "run", "--env", "A=two words", "it's"])
    assert capsys.readouterr().out == "$ docker run --env 'A=two words' 'it'\"'\"'s'\n"


def test_a_warning_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    console.warn("careful")
    assert capsys.readouterr() == ("", "warning: careful\n")


def test_a_bar_without_a_terminal_is_plain_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "PLAIN_INTERVAL", 0)
    with console.byte_bar("model", 4000, done=1000) as advance:
        advance(1000)
        advance(2000)
        advance(-3000)
    assert capsys.readouterr() == (
        "model: 2.0 kB of 4.0 kB (50 %)\n"
        "model: 4.0 kB of 4.0 kB (100 %)\n"
        "model: 1.0 kB of 4.0 kB (25 %)\n",
        "",
    )


def test_a_bar_of_unknown_length_shows_what_has_come(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "PLAIN_INTERVAL", 0)
    with console.byte_bar("model", None) as advance:
        advance(1500)
    assert capsys.readouterr().out == "model: 1.5 kB\n"


def test_plain_lines_do_not_flood_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with console.byte_bar("model", 100) as advance:
        for _ in range(100):
            advance(1)
    assert capsys.readouterr().out == ""


def test_a_wait_ends_when_it_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    answers = iter([False, False, True])
    assert console.wait_until("waiting", lambda: next(answers), timeout=20, interval=0.01)
    assert capsys.readouterr() == ("", "")


def test_a_wait_ends_after_its_time() -> None:
    asked: list[int] = []

    def never() -> bool:
        asked.append(1)
        return False

    assert not console.wait_until("waiting", never, timeout=0.05, interval=0.01)
    assert len(asked) > 1


def test_a_wait_asks_at_least_once() -> None:
    assert console.wait_until("waiting", lambda: True, timeout=0)
    assert not console.wait_until("waiting", lambda: False, timeout=0)


def test_a_wait_without_a_terminal_says_so_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "PLAIN_INTERVAL", 0)
    answers = iter([False, True])
    console.wait_until("waiting for it", lambda: next(answers), timeout=20, interval=0.01)
    assert capsys.readouterr() == ("waiting for it ... 0 s\n", "")


def test_what_ready_raises_passes_through() -> None:
    def broken() -> bool:
        raise CommandFailed("It ended.")

    with pytest.raises(CommandFailed):
        console.wait_until("waiting", broken, timeout=20)


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    leader, follower = pty.openpty()
    yield leader, follower
    os.close(leader)


def test_a_wait_on_a_terminal_is_drawn_and_wiped(
    terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    leader, follower = terminal
    with os.fdopen(follower, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert console.is_terminal()
        answers = iter([False, True])
        console.wait_until("waiting", lambda: next(answers), timeout=20, interval=0.01)
        monkeypatch.undo()
        drawn = ""
        while not drawn.endswith("\x1b[K"):
            assert select.select([leader], [], [], 5)[0], drawn
            drawn += os.read(leader, 1000).decode()
    assert drawn == "\rwaiting ... 0 s\r\x1b[K"
