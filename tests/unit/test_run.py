from __future__ import annotations

import pytest

from scripts.running.container import Container, hardware, run_argv

HEAD = ["run", "--detach", "--name", "n", "--publish", "127.0.0.1:19777:19777"]
VOLUME = ["--volume", "/data:/opt/mentator-llm-service/data"]


def test_the_plainest_container() -> None:
    assert run_argv(Container("image", "n", "/data")) == [*HEAD, *VOLUME, "image"]


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        ("cpu", []),
        ("nvidia", ["--gpus", "all"]),
        ("amd", ["--device", "/dev/kfd", "--device", "/dev/dri"]),
    ],
)
def test_each_hardware_has_its_flags(kind: str, flags: list[str]) -> None:
    argv = run_argv(Container("image", "n", "/data", hardware=kind))
    assert argv == [*HEAD, *VOLUME, *flags, "image"]


def test_every_option_in_its_place() -> None:
    container = Container(
        "image",
        "n",
        "volume",
        host="0.0.0.0",
        port=8080,
        environment={"A": "1", "B": "two words"},
        flags=("--read-only", "--user=1"),
    )
    assert run_argv(container) == [
        *["run", "--detach", "--name", "n", "--publish", "0.0.0.0:8080:19777"],
        *["--volume", "volume:/opt/mentator-llm-service/data"],
        *["--env", "A=1", "--env", "B=two words", "--read-only", "--user=1", "image"],
    ]


@pytest.mark.parametrize(
    ("nvidia", "amd", "kind"),
    [(True, True, "nvidia"), (True, False, "nvidia"), (False, True, "amd"), (False, False, "cpu")],
)
def test_the_order_of_hardware_is_the_entrypoints(nvidia: bool, amd: bool, kind: str) -> None:
    assert hardware(nvidia, amd) == kind
