"""The built image: what it declares, what it contains, and what it must not contain."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.docker_engine import Engine
from scripts.image import image_tags
from scripts.shared import commands

SECOND = 1_000_000_000  # the engine's API uses nanoseconds


@pytest.fixture(scope="module")
def config(engine: Engine, image: dict[str, Any]) -> dict[str, Any]:
    out = commands.check(engine.argv("image", "inspect", image["digest"]))
    found: dict[str, Any] = json.loads(out)[0]["Config"]
    return found


def inside(engine: Engine, image: dict[str, Any], script: str) -> str:
    return commands.check(
        engine.argv("run", "--rm", "--entrypoint", "sh", image["digest"], "-c", script)
    )


def test_tags_point_to_the_digest(engine: Engine, image: dict[str, Any]) -> None:
    version = image["application"]["version"]
    expected = image_tags.local(image["image"], version, image["variant"])
    assert tuple(image["tags"]) == expected
    ids = {
        json.loads(commands.check(engine.argv("image", "inspect", tag)))[0]["Id"]
        for tag in (*image["tags"], image["digest"])
    }
    assert len(ids) == 1


def test_healthcheck_has_the_documented_times(config: dict[str, Any]) -> None:
    check = config["Healthcheck"]
    assert check["Interval"] == 30 * SECOND
    assert check["Timeout"] == 10 * SECOND
    assert check["StartPeriod"] == 60 * SECOND
    assert check["Retries"] == 3


def test_image_declares_port_volume_and_labels(
    config: dict[str, Any], image: dict[str, Any]
) -> None:
    assert list(config["ExposedPorts"]) == ["19777/tcp"]
    assert list(config["Volumes"]) == ["/opt/mentator-llm-service/data"]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.version"] == image["application"]["version"]
    assert labels["org.opencontainers.image.base.name"] == image["bases"]["debian"]


def test_default_model_has_its_own_layer(image: dict[str, Any]) -> None:
    layers = [layer for layer in image["size"]["layers"] if "default-models" in layer["created_by"]]
    models = [layer for layer in layers if "COPY" in layer["created_by"]]
    assert len(models) == 1
    assert models[0]["unpacked"] >= image["model"]["bytes"]
    assert models[0]["unpacked"] < image["model"]["bytes"] + 100_000


def test_owners_modes_and_times_follow_one_rule(engine: Engine, image: dict[str, Any]) -> None:
    """That of docker/layer.sh, whatever umask the checkout has; the data folder is the user's."""
    wrong = inside(
        engine,
        image,
        "find /opt /usr/local/bin/node -path /opt/mentator-llm-service/data -prune -o "
        r"\( -type d ! -perm 755 -o -type f ! -perm 644 ! -perm 755 "
        r"-o ! -user 0 -o ! -group 0 -o -newermt 1970-01-02 \) -print",
    )
    assert wrong == ""


def test_the_installation_left_no_times_and_no_logs(engine: Engine, image: dict[str, Any]) -> None:
    files = "/var/cache/ldconfig/aux-cache /var/log/apt /var/log/dpkg.log /var/lib/dpkg/status-old"
    assert inside(engine, image, f"ls -d {files} 2>/dev/null || true") == ""
    # The third field is the day on which the user was made.
    assert inside(engine, image, "grep ^mentator: /etc/shadow").startswith("mentator:!::")


def test_manifest_names_the_default_model(engine: Engine, image: dict[str, Any]) -> None:
    manifest = inside(engine, image, "cat /opt/mentator-llm-service/default-models/manifest.txt")
    model = image["model"]
    assert manifest.split() == [model["sha256"], str(model["bytes"]), model["name"]]


def test_service_user_cannot_write_the_default_models(
    engine: Engine, image: dict[str, Any]
) -> None:
    script = "touch /opt/mentator-llm-service/default-models/x"
    argv = ("run", "--rm", "--user", "10001", "--entrypoint", "sh", image["digest"], "-c", script)
    assert commands.capture(engine.argv(*argv)).code != 0


@pytest.mark.parametrize("program", ["gcc", "cc", "make", "cmake", "git", "npm", "npx", "python3"])
def test_image_has_no_build_tool(engine: Engine, image: dict[str, Any], program: str) -> None:
    assert inside(engine, image, f"command -v {program} || echo none") == "none"


def test_image_has_no_cache_and_no_secret(engine: Engine, image: dict[str, Any]) -> None:
    script = (
        "find / -xdev \\( -name _cacache -o -name ca.crt -o -name '*.deb' -o -name .npmrc"
        " -o -name gitRelease.bundle \\) -print;"
        " find /var/lib/apt/lists /var/cache/apt -type f ! -name lock"
    )
    assert inside(engine, image, script) == ""


def test_every_library_in_node_modules_resolves(engine: Engine, image: dict[str, Any]) -> None:
    script = (
        "find /opt/mentator-llm-service/node_modules -name '*.so*' -o -name '*.node' "
        "| grep -v musl | xargs ldd 2>/dev/null | grep 'not found' | sort -u"
    )
    assert inside(engine, image, f"{script} || true") == ""


def test_node_has_the_requested_version(engine: Engine, image: dict[str, Any]) -> None:
    assert inside(engine, image, "node --version").startswith(f"v{image['node']}.")
