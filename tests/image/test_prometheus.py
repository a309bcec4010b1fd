"""The files of deploy/prometheus and deploy/grafana: Debian's Prometheus, two real replicas."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from scripts.docker_engine import Engine, process
from scripts.shared import commands
from tests.containers import Running, describe, free_port, healthy
from tests.debian_programs import unpack
from tests.fleet.load import chat
from tests.fleet.nodes import wait

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = DEPLOY / "grafana" / "mentator.json"
KEY = "a-key-of-a-secret"


def _program(name: str) -> str:
    return str(unpack("fleet-prometheus", "prometheus") / "usr" / "bin" / name)


def _local(folder: Path, targets: list[str]) -> Path:
    """The configuration as it is, but for where replicas are, the key's file and the intervals."""
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    configuration = yaml.safe_load(text)
    configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    jobs = {job["job_name"]: job for job in configuration["scrape_configs"]}
    job = jobs["mentator"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": targets}]
    key = folder / "key"
    key.write_text(KEY, encoding="utf-8")
    job["authorization"]["credentials_file"] = str(key)
    configuration["scrape_configs"] = [job]
    rules = DEPLOY / "prometheus" / "alerts.yml"
    (folder / "alerts.yml").write_bytes(rules.read_bytes())
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def replicas(
    engine: Engine, image: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Running]]:
    folders = [tmp_path_factory.mktemp("data") for _ in range(2)]
    flags = ("--env", f"MENTATOR_API_KEY={KEY}")
    first, second = (describe(image["digest"], str(folder), flags=flags) for folder in folders)
    with healthy(engine, first) as one, healthy(engine, second) as two:
        yield [one, two]


@pytest.fixture(scope="module")
def prometheus(replicas: list[Running], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    targets = [replica.address.removeprefix("http://") for replica in replicas]
    file = _local(folder, targets)
    commands.check([_program("promtool"), "check", "config", str(file)])
    address = f"127.0.0.1:{free_port()}"
    paths = (f"--config.file={file}", f"--storage.tsdb.path={folder}/data")
    argv = [_program("prometheus"), *paths, f"--web.listen-address={address}"]
    pid = process.detach(argv, folder / "log")
    try:
        yield f"http://{address}"
    finally:
        process.end(pid, "Prometheus")


def _ask(replica: Running, number: int) -> int:
    headers = {"Authorization": f"Bearer {KEY}"}
    listed = requests.get(f"{replica.address}/v1/models", headers=headers, timeout=30).json()
    url = f"{replica.address}/v1/chat/completions"
    body = chat(listed["data"][0]["id"], "Be short.", f"Say {number}.", tokens=8)
    return requests.post(url, json=body, headers=headers, timeout=60).status_code


def _series(address: str, query: str) -> list[dict[str, Any]]:
    filled = query.replace("$replica", ".*").replace("$__rate_interval", "30s")
    answer = requests.get(f"{address}/api/v1/query", params={"query": filled}, timeout=10)
    assert answer.status_code == 200, f"{query}: {answer.text}"
    found: list[dict[str, Any]] = answer.json()["data"]["result"]
    return found


def test_every_query_of_the_dashboard_answers(replicas: list[Running], prometheus: str) -> None:
    def is_up() -> bool:
        try:
            return len(_series(prometheus, "mentator_ready == 1")) == len(replicas)
        except requests.RequestException:
            return False

    wait("both replicas in Prometheus", is_up, 60)
    # A rate needs two looks at a counter, with requests between them.
    for number in range(2):
        assert [_ask(replica, number) for replica in replicas] == [200, 200]
        time.sleep(2.5)
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(queries) > len(panels) > 12
    for query in queries:
        series = _series(prometheus, query)
        assert series, query
        # A quantile of a route that nobody called meanwhile is none.
        assert any(one["value"][1] not in ("NaN", "") for one in series), query


def test_every_alert_is_evaluated_and_none_is_raised_by_idle_replicas(prometheus: str) -> None:
    def rules() -> list[dict[str, Any]]:
        answer = requests.get(f"{prometheus}/api/v1/rules", timeout=10).json()
        return [rule for group in answer["data"]["groups"] for rule in group["rules"]]

    wait("the rules", lambda: all(rule["health"] == "ok" for rule in rules()), 30)
    assert len(rules()) == 8
    assert {rule["state"] for rule in rules()} == {"inactive"}


@pytest.mark.parametrize(
    "what", [("rules", "alerts.yml"), ("config", "--syntax-only", "prometheus.yml")]
)
def test_promtool_finds_no_fault_in_the_files_as_they_are(what: tuple[str, ...]) -> None:
    *words, name = what
    commands.check([_program("promtool"), "check", *words, str(DEPLOY / "prometheus" / name)])


def test_the_alerts_name_only_metrics_of_the_service(prometheus: str) -> None:
    names = requests.get(f"{prometheus}/api/v1/label/__name__/values", timeout=10).json()["data"]
    alerts = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    text = " ".join(rule["expr"] for group in alerts["groups"] for rule in group["rules"])
    used = set(re.findall(r"mentator_\w+", text))
    assert used
    assert used <= set(names)
