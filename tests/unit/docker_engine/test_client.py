from __future__ import annotations

import json
from pathlib import Path

import pytest
from packaging.version import Version

from scripts.docker_engine import client
from scripts.docker_engine.client import Answer, Chosen
from scripts.shared import commands


def test_an_answer_carries_the_servers_version() -> None:
    out = json.dumps({"Client": {"Version": "28.2.2"}, "Server": {"Version": "28.5.2+dfsg4"}})
    assert client.read_answer(out, "") == Answer("answers", server=Version("28.5.2"))


def test_an_unreadable_server_version_still_answers() -> None:
    out = json.dumps({"Server": {"Version": "master-dockerproject"}})
    assert client.read_answer(out, "") == Answer("answers", server=None)


def test_silence_keeps_the_clients_last_word() -> None:
    out = json.dumps({"Client": {}, "Server": None})
    err = "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"
    assert client.read_answer(out, err) == Answer("silent", detail=err)


def test_a_refused_socket_is_denied() -> None:
    err = "permission denied while trying to connect to the Docker daemon socket at unix:///x"
    assert client.read_answer("", err).state == "denied"


def test_no_answer_in_time_is_silence() -> None:
    assert client.read_answer("", "no answer within 20 s").detail == "no answer within 20 s"


def test_podmans_answer_is_silence() -> None:
    assert client.read_answer(json.dumps({"Client": {"Version": "4.3.1"}}), "").state == "silent"


def test_docker_host_is_the_users_choice() -> None:
    environ = {"DOCKER_HOST": "ssh://build"}
    assert client.user_choice(environ) == Chosen("DOCKER_HOST", "ssh://build")


def test_buildx_is_asked_again_only_when_its_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "cli-plugins" / "docker-buildx"
    plugin.parent.mkdir()
    plugin.write_text("one")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    asked: list[str] = []

    def capture(argv: list[str], **_: object) -> commands.Result:
        asked.append(" ".join(argv))
        return commands.Result(tuple(argv), 0, f"github.com/docker/buildx v0.{len(asked)}.0 x", "")

    monkeypatch.setattr(commands, "capture", capture)
    memo = tmp_path / "build" / "buildx.json"
    monkeypatch.setattr(client, "MEMO", memo)
    assert client.buildx_version() == Version("0.1.0")
    assert not memo.exists(), "a mere look writes nothing"
    asked.clear()
    assert [client.buildx_version(remember=True) for _ in range(2)] == [Version("0.1.0")] * 2
    plugin.write_text("another one")
    assert client.buildx_version(remember=True) == Version("0.2.0")
    memo.write_text("{")
    assert client.buildx_version(remember=True) == Version("0.3.0")
    plugin.unlink()
    assert client.buildx_version(remember=True) == Version("0.4.0"), (
        "unless it is in another folder"
    )
    assert asked == ["docker buildx version"] * 4


def test_plugins_are_looked_for_where_the_client_looks(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"cliPluginsExtraDirs": ["/extra"]}')
    folders = client.plugin_folders({"DOCKER_CONFIG": str(tmp_path)}, Path("/home/ada"))
    assert folders[:3] == [
        tmp_path / "cli-plugins",
        Path("/extra"),
        Path("/usr/local/lib/docker/cli-plugins"),
    ]
    assert client.plugin_folders({}, Path("/home/ada"))[0] == Path("/home/ada/.docker/cli-plugins")


@pytest.mark.parametrize(
    ("out", "err"),
    [
        # As docker 28.2 printed it, with DOCKER_CONTEXT=gone and with DOCKER_TLS_VERIFY=1.
        ("", 'Failed to initialize: unable to resolve docker endpoint: context "gone": not found'),
        (
            "",
            "Failed to initialize: unable to resolve docker endpoint: open /x/ca.pem: no such ...",
        ),
        # With DOCKER_API_VERSION=1.20, and 1.99.
        (
            json.dumps({"Client": {"Version": "28.2.2"}, "Server": None}),
            "Error response from daemon: client version 1.20 is too old. Minimum supported ...",
        ),
        (
            json.dumps({"Client": {"Version": "28.2.2"}, "Server": None}),
            "Error response from daemon: client version 1.99 is too new. Maximum supported ...",
        ),
    ],
)
def test_a_client_that_cannot_use_its_settings_is_installed(out: str, err: str) -> None:
    answer = client.read_answer(out, err)
    assert (answer.state, answer.detail) == ("refused", err)


def test_a_client_that_is_not_there_refuses_nothing() -> None:
    answer = client.read_answer("", "[Errno 2] No such file: 'docker'", installed=False)
    assert answer.state == "silent"


def test_the_variables_of_the_client_that_are_set() -> None:
    environ = {"DOCKER_CONTEXT": "gone", "DOCKER_TLS_VERIFY": "", "DOCKER_BUILDKIT": "1"}
    assert client.variables(environ) == ("DOCKER_CONTEXT=gone",)


def test_a_warning_about_the_configuration_is_not_a_denial() -> None:
    err = (
        "WARNING: Error loading config file: open /root/.docker/config.json: permission denied\n"
        "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"
    )
    answer = client.read_answer(json.dumps({"Client": {"Version": "28.2.2"}}), err)
    assert (answer.state, answer.detail) == ("silent", err.splitlines()[1])
