"""The fair share that the bench measures."""

from __future__ import annotations

from tests.bench import busy


def test_the_time_of_a_shells_children_is_user_and_system_time() -> None:
    said = "0m0.010000s 0m0.020000s\n1m2.950000s 0m0.050000s\n"
    assert busy.processor_seconds(said) == 63.0
