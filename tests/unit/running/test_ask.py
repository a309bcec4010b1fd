from __future__ import annotations

from typing import Any

import pytest

from scripts.running.ask import first_model, report
from scripts.shared.errors import AskFailed


def test_a_report_is_the_answer_and_one_line_of_figures() -> None:
    answer = {
        "result": {"data": "Paris.", "usage": {"tokensPerSecond": 41.26, "completionTokens": 3}},
        "duration": {"promptMsec": 1240},
    }
    assert report("m.gguf", answer) == "Paris.\n(m.gguf, 3 tokens, 41.3 tokens/s, 1.2 s)"


@pytest.mark.parametrize("usage", [{}, {"tokensPerSecond": None}, {"tokensPerSecond": 0}])
def test_a_service_that_tells_no_speed_is_no_fault(usage: dict[str, Any]) -> None:
    answer: dict[str, Any] = {
        "result": {"data": "Paris.", "usage": usage},
        "duration": {"promptMsec": 1000},
    }
    assert report("m", answer) == "Paris.\n(m, 1.0 s)"
    del answer["result"]["usage"]
    assert report("m", answer) == "Paris.\n(m, 1.0 s)"


def test_the_first_model_is_asked() -> None:
    assert first_model({"models": [{"name": "a"}, {"name": "b"}]}) == "a"


@pytest.mark.parametrize("models", [{}, {"models": []}])
def test_without_a_model_it_says_where_one_goes(models: dict[str, Any]) -> None:
    with pytest.raises(AskFailed) as caught:
        first_model(models)
    assert "models/" in caught.value.next
