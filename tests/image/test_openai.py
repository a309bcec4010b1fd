"""OpenAI's Python client and schemathesis against the running container."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from scripts.docker_engine import Engine
from scripts.shared import commands
from tests import containers
from tests.containers import Running

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "population": {"type": "integer"}},
    "required": ["city", "population"],
    "additionalProperties": False,
}

MESSAGES: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "Answer briefly."},
    {"role": "user", "content": "What is the capital of France?"},
]

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture(scope="module")
def running(
    engine: Engine, image: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    with (
        containers.folder(tmp_path_factory.mktemp("openai") / "data") as data,
        containers.healthy(engine, containers.describe(image["digest"], data)) as container,
    ):
        yield container


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="any", base_url=f"{running.address}/v1", max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def model(client: openai.OpenAI) -> str:
    return client.models.list().data[0].id


def test_client_finds_the_model(client: openai.OpenAI, model: str) -> None:
    assert client.models.retrieve(model).id == model


def test_chat_answers_and_counts_tokens(client: openai.OpenAI, model: str) -> None:
    answer = client.chat.completions.create(
        model=model, messages=MESSAGES, max_tokens=20, temperature=0
    )
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in {"stop", "length"}
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_stream_gives_the_same_answer_in_chunks(client: openai.OpenAI, model: str) -> None:
    whole = client.chat.completions.create(
        model=model, messages=MESSAGES, max_tokens=20, temperature=0
    )
    chunks = list(
        client.chat.completions.create(
            model=model,
            messages=MESSAGES,
            max_tokens=20,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert len(chunks) > 3
    assert chunks[-1].usage is not None
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason


def test_answer_follows_the_json_schema(client: openai.OpenAI, model: str) -> None:
    answer = client.chat.completions.create(
        model=model,
        messages=MESSAGES,
        max_tokens=100,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "city", "schema": SCHEMA, "strict": True},
        },
    )
    jsonschema.validate(json.loads(answer.choices[0].message.content or ""), SCHEMA)


def test_answer_is_a_json_object_when_the_format_is_json_object(
    client: openai.OpenAI, model: str
) -> None:
    answer = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": 'Write {"a": 1} as JSON.'}],
        max_tokens=300,
        response_format={"type": "json_object"},
    )
    if answer.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(answer.choices[0].message.content or ""), dict)


def test_model_calls_a_tool_and_answers_after_its_result(client: openai.OpenAI, model: str) -> None:
    answer = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[WEATHER],
        tool_choice="required",
        max_tokens=100,
    )
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls
    (call, *_) = choice.message.tool_calls
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments)["city"], str)
    told = client.chat.completions.create(
        model=model,
        messages=[
            {"role": "user", "content": "What is the weather in Paris?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {
                            "name": call.function.name,
                            "arguments": call.function.arguments,
                        },
                    }
                ],
            },
            {"role": "tool", "tool_call_id": call.id, "content": "Sunny, 21 degrees"},
        ],
        tools=[WEATHER],
        tool_choice="none",
        max_tokens=30,
    )
    assert told.choices[0].message.content


def test_same_seed_gives_the_same_answer(client: openai.OpenAI, model: str) -> None:
    def ask(seed: int) -> str | None:
        answer = client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "Write a line of a poem."}],
            max_tokens=20,
            temperature=1.0,
            seed=seed,
        )
        return answer.choices[0].message.content

    assert ask(7) == ask(7)
    assert len({ask(seed) for seed in range(5)}) > 1


def test_answer_ends_at_the_stop_text(client: openai.OpenAI, model: str) -> None:
    count: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": "Count: 1, 2, 3, 4, 5, 6, 7, 8"}
    ]
    whole = client.chat.completions.create(model=model, messages=count, max_tokens=40)
    text = whole.choices[0].message.content or ""
    end = text[len(text) // 2 : len(text) // 2 + 3]
    cut = client.chat.completions.create(model=model, messages=count, max_tokens=40, stop=end)
    assert cut.choices[0].message.content == text[: text.index(end)]
    assert cut.choices[0].finish_reason == "stop"


def test_streamed_completion_is_the_same_as_the_whole_one(
    client: openai.OpenAI, model: str
) -> None:
    answer = client.completions.create(model=model, prompt="Once upon a time", max_tokens=8)
    assert answer.choices[0].text
    pieces = client.completions.create(
        model=model, prompt="Once upon a time", max_tokens=8, stream=True
    )
    assert "".join(piece.choices[0].text for piece in pieces) == answer.choices[0].text


def test_embedding_is_the_same_in_base64_and_float(client: openai.OpenAI, model: str) -> None:
    packed = client.embeddings.create(model=model, input=["a cat", "a dog"])
    plain = client.embeddings.create(model=model, input="a cat", encoding_format="float")
    assert [row.index for row in packed.data] == [0, 1]
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-5)


def test_errors_have_the_form_of_openai(client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="none", messages=MESSAGES)
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=model, messages=[])
    with pytest.raises(openai.BadRequestError) as too_long:
        client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "word " * 50_000}]
        )
    assert "tokens" in too_long.value.message


def test_service_behaves_as_its_openapi_document_says(running: Running, model: str) -> None:
    """Schemathesis: no 5xx, and every answer matches the OpenAPI document."""
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.schemathesis_hooks",
        "MENTATOR_TEST_MODEL_NAME": model,
        "PYTHONPATH": str(Path.cwd()),
    }
    result = commands.capture(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            "run",
            f"{running.address}/doc/json",
            "--phases=examples,coverage,fuzzing",
            "--max-examples=10",
            "--request-timeout=120",
            "--generation-database=none",
            # A valid body may be refused: an unknown model or tool, or a time limit of 1 ms.
            "--exclude-checks=positive_data_acceptance",
        ],
        env=environment,
        timeout=900,
    )
    assert result.code == 0, result.out[-8000:]
