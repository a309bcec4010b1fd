from __future__ import annotations

import pytest

from scripts.backends import table as backends
from scripts.running.container import Container, run_argv

HEAD = ["run", "--detach", "--name", "n", "--publish", "127.0.0.1:19777:19777"]
VOLUME = ["--volume", "/data:/opt/mentator-llm-service/data"]


def test_the_plainest_container() -> None:
    assert run_argv(Container("image", "n", "/data")) == [*HEAD, *VOLUME, "image"]


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("cpu", []),
        ("cuda", ["--gpus", "all"]),
        ("rocm", ["--device", "/dev/kfd", "--device", "/dev/dri"]),
    ],
)
def test_a_container_is_given_the_flags_of_its_mode(name: str, flags: list[str]) -> None:
    argv = run_argv(Container("image", "n", "/data", mode=backends.read().mode(name)))
    assert argv == [*HEAD, *VOLUME, *flags, "image"]


def test_every_option_in_its_place() -> None:
    container = Container(
        "image",
        "n",
        "volume",
        host="0.0.0.0",
        port=8080,
        labels={"l": "of=mine"},
        environment={"A": "1", "B": "two words"},
        secrets={"KEY": "secret"},
        flags=("--read-only", "--user=1"),
    )
    assert run_argv(container) == [
        *["run", "--detach", "--name", "n", "--publish", "0.0.0.0:8080:19777"],
        *["--volume", "volume:/opt/mentator-llm-service/data"],
        *["--label", "l=of=mine", "--env", "A=1", "--env", "B=two words", "--env", "KEY"],
        *["--read-only", "--user=1", "image"],
    ]
    assert "secret" not in repr(container)


@pytest.mark.parametrize(
    ("folder", "mount"),
    [
        ("/a:b", "type=bind,source=/a:b,target=/opt/mentator-llm-service/data"),
        ("/a:b,c", 'type=bind,"source=/a:b,c",target=/opt/mentator-llm-service/data'),
    ],
)
def test_a_folder_with_a_colon_is_mounted_by_name(folder: str, mount: str) -> None:
    assert run_argv(Container("image", "n", folder)) == [*HEAD, "--mount", mount, "image"]
