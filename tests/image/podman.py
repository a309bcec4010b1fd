"""Podman from Debian's packages, unpacked and not installed, with folders of its own; needs root.

No network is made: what runs is reached by commands that run in the container.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from scripts.docker_engine import Engine
from scripts.shared import commands
from tests.debian_programs import libraries, unpack

#: What a machine without podman lacks. runc, since crun refuses cgroups of two versions at once.
PACKAGES = (
    *("podman", "conmon", "runc", "catatonit", "netavark"),
    *("libgpgme11", "libassuan0", "libsubid4", "libglib2.0-0", "libdevmapper1.02.1"),
    *("libseccomp2", "libsystemd0"),
)

#: The limits are lower than those of any user: containers may not raise them everywhere.
CONFIG = """\
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
conmon_path = ["{wrappers}/conmon"]
helper_binaries_dir = ["{root}/usr/lib/podman", "{root}/usr/bin"]
runtime = "runc"
tmp_dir = "{folder}/tmp"
[engine.runtimes]
runc = ["{wrappers}/runc"]
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
"""

STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""


@dataclass(frozen=True)
class Podman:
    """One podman: its program, and the variables that give it its folders."""

    program: Path
    environment: dict[str, str]

    def capture(self, *arguments: str, timeout: float = 60) -> commands.Result:
        return commands.capture(
            [str(self.program), *arguments], env=self.environment, timeout=timeout
        )

    def check(self, *arguments: str, timeout: float = 60) -> str:
        result = self.capture(*arguments, timeout=timeout)
        assert result.code == 0, result.out + result.err
        return result.out.strip()

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """In the background; standard output is a pipe."""
        return subprocess.Popen(
            [self.program, *arguments],
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
        )

    def take(self, engine: Engine, image: str, name: str, folder: Path) -> None:
        """Load an image of the Docker engine, and give it a name."""
        file = folder / "image.tar"
        commands.check(engine.argv("save", "--output", str(file), image))
        loaded = self.check("load", "--quiet", "--input", str(file), timeout=180)
        file.unlink()
        self.check("tag", loaded.rpartition(": ")[2], name)

    def secret(self, name: str, values: dict[str, str]) -> None:
        """As a Pod refers to it. 4.3 plays no Secret that it can read afterwards."""
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in values.items()}
        file = Path(self.environment["HOME"]) / name
        file.write_text(json.dumps(encoded), encoding="utf-8")
        self.check("secret", "create", name, str(file))

    def play(self, manifests: Sequence[object], folder: Path) -> None:
        file = folder / "play.yaml"
        file.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
        self.check("kube", "play", "--network", "none", str(file), timeout=120)


@contextmanager
def podman(folder: Path) -> Iterator[Podman]:
    """With storage, state and configuration in `folder`; all that it holds goes at the end."""
    root = unpack("podman", *PACKAGES)
    paths = libraries(root)
    wrappers, home = folder / "wrappers", folder / "home"
    (home / ".config" / "containers").mkdir(parents=True)
    wrappers.mkdir()
    variables = {
        **paths,
        "HOME": str(home),
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
    }
    # Both are started with an environment of their own.
    exports = "".join(f"export {name}='{value}'\n" for name, value in variables.items())
    for program in (root / "usr/bin/conmon", root / "usr/sbin/runc"):
        wrapper = wrappers / program.name
        wrapper.write_text(f'#!/bin/sh\n{exports}exec {program} "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)
    for name, text in {
        "containers.conf": CONFIG.format(wrappers=wrappers, root=root, folder=folder),
        "storage.conf": STORAGE.format(folder=folder),
        "home/.config/containers/policy.json": '{"default": [{"type": "insecureAcceptAnything"}]}',
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    made = Podman(root / "usr" / "bin" / "podman", variables)
    try:
        yield made
    finally:
        made.capture("pod", "rm", "--force", "--all", "--time", "10")
        made.capture("rmi", "--force", "--all")
        shutil.rmtree(folder, ignore_errors=True)
