from __future__ import annotations

import json

from packaging.version import Version

from scripts.docker_engine import client
from scripts.docker_engine.client import Answer, Chosen


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
