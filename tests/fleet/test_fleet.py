"""The stack of deploy/swarm on three engines of this machine: a proxy before three replicas."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from scripts.docker_engine import Engine
from tests.fleet import nodes, stack
from tests.fleet.load import chat, under_load
from tests.fleet.stack import KEY, Fleet

REPLICAS = 3
#: A notice that the proxy surely sees: it looks each second, and believes the second answer.
TIMES = {"MENTATOR_STOP_NOTICE": "5", "MENTATOR_UPDATE_MONITOR": "5s"}


@pytest.fixture(scope="module")
def fleet(
    engine: Engine, image: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    archive = stack.images(engine, image["digest"], folder)
    with nodes.engines(3, folder / "nodes") as engines, stack.swarm(engines, archive) as made:
        archive.unlink()
        made.deploy(REPLICAS, **TIMES)
        stack.whole(made, REPLICAS, 120)
        yield made


def _post(fleet: Fleet, body: dict[str, Any], **headers: str) -> requests.Response:
    sent = {"Authorization": f"Bearer {KEY}", **headers}
    url = f"{fleet.address}/v1/chat/completions"
    return requests.post(url, json=body, headers=sent, timeout=60)


def _model(fleet: Fleet) -> str:
    name: str = fleet.get("/v1/models").json()["data"][0]["id"]
    return name


def test_the_key_of_the_secret_is_asked_for(fleet: Fleet) -> None:
    assert requests.get(f"{fleet.address}/v1/models", timeout=10).status_code == 401
    assert fleet.get("/v1/models").status_code == 200


def test_one_system_prompt_reaches_one_replica_and_many_reach_all(fleet: Fleet) -> None:
    model = _model(fleet)
    reached = {}
    for number in range(12):
        bodies = [chat(model, f"You are {number}.", user) for user in ("One?", "Two?")]
        answers = [_post(fleet, body) for body in bodies]
        assert [answer.status_code for answer in answers] == [200, 200]
        first, second = (answer.headers["X-Mentator-Replica"] for answer in answers)
        assert first == second
        reached[number] = first
    assert len(set(reached.values())) == REPLICAS


def test_a_session_reaches_one_replica_whatever_it_says(fleet: Fleet) -> None:
    model = _model(fleet)
    answers = [
        _post(fleet, chat(model, f"You are {number}.", "Hi"), **{"X-Session-Id": "one"})
        for number in range(5)
    ]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.headers["X-Mentator-Replica"] for answer in answers}) == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        '{"messages": 1}',
        '{"messages": [{"content": null}]}',
        "[" * 100_000,
        "é" * 90_000,
    ],
    ids=["empty", "cut", "list", "number", "null", "deep", "long"],
)
def test_what_has_no_begin_gets_the_services_own_error(fleet: Fleet, body: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    url = f"{fleet.address}/v1/chat/completions"
    answer = requests.post(url, data=body.encode(), headers=headers, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_rolling_update_under_load_loses_no_request(fleet: Fleet) -> None:
    before = set(fleet.running())
    with under_load(fleet.address, KEY, clients=8) as load:
        fleet.deploy(REPLICAS, **TIMES, MENTATOR_STOP_DRAIN="61")
        nodes.wait("the update", lambda: fleet.update_state() == "completed", 150)
    assert not load.faults
    assert len(load.outcomes) > 20
    assert not before & set(fleet.running())


def test_a_killed_node_costs_only_what_it_worked_on(fleet: Fleet) -> None:
    stack.whole(fleet, REPLICAS, 30)
    with under_load(fleet.address, KEY, clients=8) as load:
        nodes.wait("answers", lambda: len(load.outcomes) > 8, 60)
        fleet.nodes[-1].cut_power()
        cut = time.monotonic()
        stack.whole(fleet, REPLICAS, 30)
    late = [outcome for outcome in load.faults if outcome.begin > cut]
    assert not late
    assert len(load.faults) <= 8
    assert len([outcome for outcome in load.outcomes if outcome.begin > cut]) > 8
