from __future__ import annotations

import inspect
import signal

import pytest

from scripts.shared import errors
from scripts.shared.errors import PipelineError

FAMILY = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, PipelineError) and "exit_code" in vars(member)
]


def test_every_exit_code_is_distinct() -> None:
    codes = [member.exit_code for member in FAMILY]
    assert len(FAMILY) > 20
    assert sorted(set(codes)) == sorted(codes)


@pytest.mark.parametrize("member", FAMILY)
def test_every_exit_code_can_be_told_apart_from_a_shells_own(member: type[PipelineError]) -> None:
    # The one above is on purpose what a shell reports: see below.
    assert 1 <= member.exit_code <= (141 if member is errors.OutputClosed else 130)
    assert member.exit_code not in (124, 126, 127)


@pytest.mark.parametrize("member", FAMILY)
def test_every_member_says_when_it_is_raised(member: type[PipelineError]) -> None:
    assert member.__doc__


def test_interrupted_is_what_a_shell_reports_for_sigint() -> None:
    assert errors.Interrupted.exit_code == 130


def test_closed_output_is_what_a_shell_reports_for_sigpipe() -> None:
    assert errors.OutputClosed.exit_code == 128 + signal.SIGPIPE


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (("What.", "", ""), "error: What."),
        (("What.", "Why.", ""), "error: What.\n  why:  Why."),
        (("What.", "", "Next."), "error: What.\n  next: Next."),
        (("What.", "Why.", "Next."), "error: What.\n  why:  Why.\n  next: Next."),
    ],
)
def test_a_message_has_up_to_three_parts(parts: tuple[str, str, str], message: str) -> None:
    error = PipelineError(*parts)
    assert error.message() == message
    assert str(error) == "What."
