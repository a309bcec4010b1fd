from __future__ import annotations

import json
import re

import pytest
import yaml

from scripts.shared.paths import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
STACK = (DEPLOY / "swarm" / "stack.yaml").read_text("utf-8")


def _default(variable: str) -> int:
    found = re.search(rf"\$\{{{variable}:-(\d+)s?\}}", STACK)
    assert found, variable
    return int(found[1])


def test_swarm_gives_the_service_all_the_time_that_it_takes_to_stop() -> None:
    source = (REPOSITORY / "service" / "src" / "app.ts").read_text("utf-8")
    last = re.search(r"const LAST_MSEC = (\d+);", source)
    assert last
    needed = _default("MENTATOR_STOP_NOTICE") + _default("MENTATOR_STOP_DRAIN")
    assert _default("MENTATOR_STOP_GRACE") > needed + int(last[1]) / 1000


def test_the_proxy_sees_that_a_replica_leaves_before_it_refuses() -> None:
    text = (DEPLOY / "proxy" / "haproxy.cfg").read_text("utf-8")
    check = re.search(r"check inter (\d+)s fall (\d+)", text)
    assert check
    assert int(check[1]) * (int(check[2]) + 1) < _default("MENTATOR_STOP_NOTICE")


def test_both_classes_of_nodes_have_the_key_the_proxy_and_one_rule_of_updates() -> None:
    services = yaml.safe_load(STACK)["services"]
    for name in ("cpu", "gpu"):
        assert services[name]["secrets"] == ["mentator_api_key"]
        assert services[name]["networks"]["api"]["aliases"] == ["replicas"]
        assert services[name]["deploy"]["update_config"]["parallelism"] == 1
        assert services[name]["deploy"]["update_config"]["failure_action"] == "rollback"
    assert services["proxy"]["environment"]["MENTATOR_SERVICE"] == "replicas"


@pytest.mark.parametrize("file", ["grafana/mentator.json", "prometheus/alerts.yml"])
def test_queries_name_only_figures_that_the_service_has(file: str) -> None:
    sources = (REPOSITORY / "service" / "src" / "metrics").glob("*.ts")
    text = "".join(source.read_text("utf-8") for source in sources)
    known = set(re.findall(r'"((?:mentator|process)_\w+)"', text))
    text = (DEPLOY / file).read_text("utf-8")
    used = {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(r"mentator_\w+", text)}
    assert used
    assert used <= known


def test_no_panel_is_without_a_query() -> None:
    panels = json.loads((DEPLOY / "grafana" / "mentator.json").read_text("utf-8"))["panels"]
    assert all(target["expr"] for panel in panels for target in panel["targets"])
    assert len({panel["id"] for panel in panels}) == len(panels)
