"""The pod that the chart renders for CPU nodes, run by `podman kube play`.

Podman has no kubelet's probes (it would call curl, which the image lacks) and no preStop: the test
calls what the manifest names, in the container, in the order that a kubelet does.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.docker_engine import Engine
from scripts.shared.console import wait_until
from tests.image.podman import Podman, podman
from tests.kubernetes_programs import CHART, documents, helm

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="podman without installation needs root on this machine"
)

IMAGE = "localhost/mentator-test-pod"
NAME = "pod-mentator-cpu-pod-0-mentator"
KEY = "the-key-of-this-test"

#: Calls a path of the service in the container; prints the status and the body as JSON.
CALL = """
const [path, key, body] = process.argv.slice(1);
const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
const post = body ? { method: "POST", body } : {};
const answer = await fetch(`http://127.0.0.1:19777${path}`, { headers, ...post });
console.log(JSON.stringify([answer.status, await answer.text()]));
"""


@pytest.fixture(scope="module")
def manifests() -> list[dict[str, Any]]:
    values = f"image.repository={IMAGE},image.tag=latest,image.pullPolicy=Never"
    more = "drain.beforeSeconds=1,drain.requestSeconds=60"
    result = helm("template", "pod", str(CHART), "--set", values, "--set", more)
    assert result.code == 0, result.err
    return documents(result.out)


@pytest.fixture(scope="module")
def rendered(manifests: list[dict[str, Any]]) -> dict[str, Any]:
    """The container as the chart renders it."""
    (deployment,) = [each for each in manifests if each["kind"] == "Deployment"]
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]["containers"][0]
    return found


@pytest.fixture(scope="module")
def pod(
    engine: Engine,
    image: dict[str, Any],
    manifests: list[dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Podman]:
    folder = tmp_path_factory.mktemp("podman")
    with podman(folder) as made:
        made.take(engine, image["digest"], IMAGE, folder)
        made.secret("pod-mentator-api-key", {"apiKey": KEY})
        made.play([playable(each) for each in manifests if each["kind"] in
                   ("ConfigMap", "Deployment")], folder)  # fmt: skip
        require(made, "/ready")
        yield made


@pytest.fixture(scope="module")
def rooted(pod: Podman, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a second container: of the class amd, whose groups nobody named.

    Its card is taken out, and it may take the CPU: what is run is the start as root.
    """
    values = f"image.repository={IMAGE},image.tag=latest,image.pullPolicy=Never"
    classes = "classes.cpu.enabled=false,classes.amd.enabled=true,classes.amd.backend=auto"
    result = helm("template", "root", str(CHART), "--set", values, "--set", classes,
                  "--set", "apiKey.existingSecret=pod-mentator-api-key")  # fmt: skip
    assert result.code == 0, result.err
    made = [playable(each) for each in documents(result.out)]
    played = [each for each in made if each["kind"] in ("ConfigMap", "Deployment")]
    pod.play(played, tmp_path_factory.mktemp("rooted"))
    name = "root-mentator-amd-pod-0-mentator"
    assert wait_until("", lambda: call(pod, "/ready", name=name)[0] == 200, timeout=120)
    return name


def playable(manifest: dict[str, Any]) -> dict[str, Any]:
    """Without what needs a network or a kubelet; the rest is as the chart renders it."""
    copy: dict[str, Any] = json.loads(json.dumps(manifest))
    if copy["kind"] == "Deployment":
        (container,) = copy["spec"]["template"]["spec"]["containers"]
        for key in ("ports", "startupProbe", "livenessProbe", "readinessProbe", "lifecycle"):
            del container[key]
        for amounts in container["resources"].values():
            amounts.pop("amd.com/gpu", None)
    return copy


def call_argv(path: str, body: Any = None, key: str = KEY, name: str = NAME) -> list[str]:
    text = [json.dumps(body)] if body is not None else []
    return ["exec", name, "node", "--input-type=module", "--eval", CALL, path, key, *text]


def call(
    made: Podman, path: str, body: Any = None, key: str = KEY, name: str = NAME
) -> tuple[int, str]:
    """Status and body of the service's answer; 0 while it does not listen."""
    result = made.capture(*call_argv(path, body, key, name))
    status, text = json.loads(result.out) if result.code == 0 else (0, result.err)
    return status, text


def require(made: Podman, path: str) -> None:
    if not wait_until("", lambda: call(made, path)[0] == 200, timeout=120):
        raise AssertionError(made.capture("logs", NAME).out)


def chat(tokens: int) -> dict[str, Any]:
    """A request whose answer has that many tokens: the schema lets it end later only."""
    schema = {"type": "array", "items": {"type": "integer"}, "minItems": 300}
    form = {"name": "numbers", "schema": {"type": "object", "properties": {"n": schema}}}
    form["schema"] |= {"required": ["n"], "additionalProperties": False}  # type: ignore[operator]
    return {
        "model": "SmolLM2-135M-Instruct.Q4_1",
        "messages": [{"role": "user", "content": "Count from 1 to 300."}],
        "max_tokens": tokens,
        "response_format": {"type": "json_schema", "json_schema": form},
    }


def state(made: Podman) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(made.check("inspect", "--type", "container", NAME))[0]
    return found


def test_the_paths_of_the_probes_answer(pod: Podman, rendered: dict[str, Any]) -> None:
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = rendered[kind]["httpGet"]
        ports = {each["name"]: each["containerPort"] for each in rendered["ports"]}
        assert ports[probe["port"]] == 19777
        # A kubelet has no key.
        assert call(pod, probe["path"], key="")[0] == 200, kind


def test_it_runs_without_root_and_writes_only_into_volumes(pod: Podman) -> None:
    status = pod.check("exec", NAME, "cat", "/proc/1/status")
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert lines["Uid"].split() == ["10001"] * 4
    assert int(lines["CapEff"], 16) == int(lines["CapBnd"], 16) == 0
    assert lines["NoNewPrivs"] == "1"
    assert state(pod)["HostConfig"]["ReadonlyRootfs"] is True
    assert pod.capture("exec", NAME, "touch", "/opt/mentator/x").code != 0


def test_a_pod_that_starts_as_root_leaves_root(pod: Podman, rooted: str) -> None:
    status = pod.check("exec", rooted, "cat", "/proc/1/status")
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert lines["Uid"].split() == lines["Gid"].split() == ["10001"] * 4
    assert int(lines["CapEff"], 16) == int(lines["CapPrm"], 16) == 0
    assert lines["NoNewPrivs"] == "1"
    assert "root is left" in pod.check("logs", rooted)
    pod.check("pod", "rm", "--force", "--time", "10", "root-mentator-amd-pod-0")


def test_a_chat_is_answered_with_the_key_of_the_secret(pod: Podman) -> None:
    status, text = call(pod, "/v1/chat/completions", chat(8))
    assert status == 200, text
    assert json.loads(text)["choices"][0]["message"]["content"]
    assert call(pod, "/v1/models", key="another")[0] == 401


def test_it_comes_back_with_its_data_when_the_container_dies(pod: Podman) -> None:
    before = state(pod)
    pod.check("exec", NAME, "touch", "/opt/mentator-llm-service/data/kept")
    # As a crash: from outside, so that nobody has asked for the end.
    os.kill(before["State"]["Pid"], 9)
    assert wait_until(
        "", lambda: state(pod)["State"]["Pid"] not in (0, before["State"]["Pid"]), timeout=180
    )
    require(pod, "/ready")
    pod.check("exec", NAME, "ls", "/opt/mentator-llm-service/data/kept")
    assert call(pod, "/v1/chat/completions", chat(8))[0] == 200


def test_a_stop_waits_for_the_answer_in_flight(pod: Podman, rendered: dict[str, Any]) -> None:
    running = pod.start(*call_argv("/v1/chat/completions", chat(400)))
    try:
        figure = "\nmentator_requests_running 1\n"
        assert wait_until("", lambda: figure in call(pod, "/metrics")[1], timeout=30)
        pod.check("exec", NAME, *rendered["lifecycle"]["preStop"]["exec"]["command"], timeout=90)
        # preStop has ended, so the answer must be there: SIGTERM would cut it after four seconds.
        started = time.monotonic()
        out, _ = running.communicate(timeout=10)
        assert time.monotonic() - started < 3
        status, text = json.loads(out)
        assert status == 200, text
        answer = json.loads(text)
        assert answer["usage"]["completion_tokens"] == 400, answer
        assert answer["choices"][0]["finish_reason"] == "length"
    finally:
        running.kill()
        running.communicate()  # closes the pipes, too
    pod.check("stop", "--time", "20", NAME)
    assert state(pod)["State"]["ExitCode"] == 0
