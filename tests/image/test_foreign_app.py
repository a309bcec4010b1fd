"""An image with another application, from a git repository: see foreign-app/."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from scripts.docker_engine import Engine
from scripts.shared import commands
from tests import checkout, containers
from tests.image import stand_in
from tests.image.test_probe import SMI

APP = Path(__file__).with_name("foreign-app")
IMAGE = "foreign/test"
AUTHOR = {
    f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the application in a folder, and a developer's .env and node_modules."""
    folder = tmp_path_factory.mktemp("git") / "notes.git"
    app = folder / "apps" / "notes"
    shutil.copytree(APP, app)
    for name, text in ((".env", "SECRET=1"), ("node_modules/node-llama-cpp/package.json", "{}")):
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text(text)
    for arguments in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all", "--force"),
        ("commit", "--quiet", "--message=all"),
        ("tag", "v0.4.2"),
    ):
        commands.check(["git", "-C", str(folder), *arguments], env=AUTHOR)
    return folder


@pytest.fixture(scope="module")
def built(
    engine: Engine, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """The record of the image built with `--app REPOSITORY#v0.4.2:apps/notes`."""
    folder = checkout.copy(tmp_path_factory.mktemp("foreign") / "checkout")
    done = subprocess.run(
        # The smallest variant: addon and choice of the backend are the same in all.
        ["./mentator", "build", "--app", f"file://{repository}#v0.4.2:apps/notes",
         "--variant", "cpu"],
        cwd=folder,
        env={**os.environ, "MENTATOR_IMAGE": IMAGE, "MENTATOR_PROGRESS": "plain"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    yield json.loads((folder / "build" / "image.json").read_text())
    for tag in ("latest-cpu", "0.4.2-cpu"):
        commands.capture(engine.argv("image", "rm", f"{IMAGE}:{tag}"))


def inside(engine: Engine, built: dict[str, Any], script: str) -> str:
    argv = engine.argv("run", "--rm", "--entrypoint", "sh", built["digest"], "-c", script)
    return commands.check(argv)


def test_record_and_labels_name_the_application_and_its_commit(
    engine: Engine, built: dict[str, Any], repository: Path
) -> None:
    commit = commands.check(["git", "-C", str(repository), "rev-parse", "v0.4.2"])
    application = built["application"]
    assert (application["name"], application["version"]) == ("@tide/notes", "0.4.2")
    assert (application["commit"], application["source"]) == (commit, f"file://{repository}")
    assert built["tags"] == [f"{IMAGE}:latest-cpu", f"{IMAGE}:0.4.2-cpu"]
    labels = json.loads(
        commands.check(
            engine.argv("inspect", "--format", "{{json .Config.Labels}}", built["digest"])
        )
    )
    assert labels["org.opencontainers.image.revision"] == commit
    assert labels["org.opencontainers.image.source"] == f"file://{repository}"
    assert labels["org.opencontainers.image.title"] == "@tide/notes"


def test_image_has_the_files_of_the_application_and_no_hidden_files(
    engine: Engine, built: dict[str, Any]
) -> None:
    files = inside(engine, built, "find . -path ./node_modules -prune -o -type f -print").split()
    assert {"./distjs/index.js", "./public/index.html", "./package.json"} <= set(files)
    assert [name for name in files if "/." in name] == []
    manifest = "node_modules/jsonc-parser/package.json"
    assert json.loads(inside(engine, built, f"cat {manifest}"))["version"] == "3.2.1"
    llama = json.loads(inside(engine, built, "cat node_modules/node-llama-cpp/package.json"))
    assert llama["version"] == built["application"]["node-llama-cpp"]


def test_its_threads_share_the_processors_too(engine: Engine, built: dict[str, Any]) -> None:
    files = inside(engine, built, "ls /opt/mentator/barrier").split()
    assert files == ["libmentator-barrier.so"]
    # It takes the place of these functions where the application loads its own node-llama-cpp.
    script = (
        "LD_DEBUG=bindings LD_PRELOAD=/opt/mentator/barrier/libmentator-barrier.so node -e '"
        "(async () => { const {getLlama} = await import(`node-llama-cpp`);"
        "await getLlama({gpu: false, build: `never`}); process.exit(0); })()' 2>&1"
        " | grep -E 'libggml-cpu.*mentator-barrier' | grep -oE 'ggml_(barrier|graph_plan)'"
        " | sort -u"
    )
    assert inside(engine, built, script).split() == ["ggml_barrier", "ggml_graph_plan"]


#: Files of a fake GPU in the container, the stand-in backend, and the expected `gpu` of getLlama()
#: (node-llama-cpp reports "cuda" for a HIP backend).
HARDWARE: dict[str, tuple[tuple[str, ...], str, str | bool]] = {
    "cpu": ((), "", False),
    "nvidia": (("/usr/bin/nvidia-smi",), "cuda13/libggml-cuda.so", "cuda"),
    "amd": (("/dev/kfd", "/dev/dri/renderD128"), "rocm/libggml-hip.so", "cuda"),
}


@pytest.mark.parametrize("hardware", HARDWARE)
def test_plain_get_llama_uses_the_backend_that_the_container_chose(
    engine: Engine, built: dict[str, Any], tmp_path: Path, hardware: str
) -> None:
    """The card is a stand-in: it computes on the CPU."""
    surface, backend, gpu = HARDWARE[hardware]
    flags = []
    for path in surface:
        file = tmp_path / Path(path).name
        file.write_text(SMI)
        file.chmod(0o777)
        flags += ["--volume", f"{file}:{path}"]
    if backend:
        stand_in.put(tmp_path / "backends" / backend)
        (tmp_path / "backends").chmod(0o755)
        flags += ["--volume", f"{tmp_path}/backends:/opt/mentator/backends:ro"]
    with containers.folder(tmp_path / "data") as data:
        container = containers.describe(built["digest"], data, flags=flags)
        with containers.healthy(engine, container) as running:
            about = requests.get(f"{running.address}/about", timeout=120).json()
            assert about["gpu"] == gpu, running.log()
            assert about["build"] == "prebuilt"
            assert about["devices"] == (["Stand-in Card"] if gpu else [])
            assert (about["layers"] > 0) is bool(gpu)
            question = "What is the capital of France?"
            said = requests.post(f"{running.address}/say", data=question, timeout=300).json()
            assert "Paris" in said["answer"]
            assert "teal" in requests.get(f"{running.address}/tide.css", timeout=10).text
            # node-llama-cpp has logged no download, compilation or fallback.
            assert "node-llama-cpp" not in running.log()
            assert running.stop() == 0
        written = Path(data, "mentator-llm-service.conf.jsonc").read_text()
        assert "maxTokens" in written
