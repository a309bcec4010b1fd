"""What a container sees of a GPU, faked: programs, device nodes, sysfs and backends, as mounts.

The image is the real one. A device node is a plain file; /sys/class is hidden behind a folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.docker_engine import Engine
from tests import containers
from tests.containers import Ended
from tests.image import shared_objects

#: What nvidia-smi prints for one good card.
CARD = "echo 'NVIDIA L4, 23034 MiB, 580.65.06'"

#: A call of the service that ends at once, with its own code, after the choice.
NOTHING = ("--conf-use", "/no/such/file")
NOTHINGS_CODE = 2

LIBCUDA = "/usr/lib/x86_64-linux-gnu/libcuda.so.1"
AMD_NODES = ("/dev/kfd", "/dev/dri/renderD128")


class Fakes:
    """The mounts of one container; files lie below `folder` on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mounts: dict[str, Path] = {}

    def file(self, path: str, text: str = "", mode: int = 0o666) -> Fakes:
        """Put a file at `path`."""
        if path.startswith("/dev/dri/"):
            # This machine's sysfs may know a node of this name, of another vendor.
            self.mounts["/sys/class"] = self.folder / "sys-class"
            self.mounts["/sys/class"].mkdir(exist_ok=True)
        source = self.folder / path.strip("/").replace("/", "-")
        source.write_text(text, encoding="utf-8")
        source.chmod(mode)
        self.mounts[path] = source
        return self

    def nvidia_smi(self, script: str = CARD) -> Fakes:
        """Put an nvidia-smi there that does this."""
        return self.file("/usr/bin/nvidia-smi", f"#!/bin/sh\n{script}\n", 0o755)

    def nvidia_nodes(self, mode: int = 0o666) -> Fakes:
        """Put an NVIDIA card's device nodes there."""
        return self.file("/dev/nvidiactl", mode=mode).file("/dev/nvidia0", mode=mode)

    def amd(self, *targets: int, kfd: int = 0o666, render: int = 0o666) -> Fakes:
        """Put AMD's device nodes there, and cards of these gfx_target_versions into sysfs.

        0 stands for a node without SIMDs, a processor.
        """
        self.file(AMD_NODES[0], mode=kfd).file(AMD_NODES[1], mode=render)
        nodes = self.folder / "sys-class/kfd/kfd/topology/nodes"
        for number, target in enumerate(targets):
            text = f"simd_count {40 if target else 0}\ngfx_target_version {target}\n"
            (nodes / str(number)).mkdir(parents=True)
            (nodes / str(number) / "properties").write_text(text, encoding="utf-8")
        return self

    def backend(self, name: str, **how: Any) -> Fakes:
        """Put a broken backend in the place of the image's own (see `shared_objects.write`)."""
        folder = self.folder / f"backend-{name}"
        library = "libggml-hip.so" if name == "rocm" else "libggml-cuda.so"
        shared_objects.write(folder / library, **how)
        folder.chmod(0o755)
        self.mounts[f"/opt/mentator/backends/{name}"] = folder
        return self

    def says(self, name: str, words: str) -> Fakes:
        """Put a backend there that ends with these words."""
        return self.backend(name, entry=shared_objects.last_words(words))

    def flags(self) -> list[str]:
        """The flags of `docker run`."""
        return [f"--volume={source}:{path}" for path, source in self.mounts.items()]

    def start(self, engine: Engine, image: dict[str, Any], **environment: str) -> Ended:
        """Start the image on this surface, up to the service's own first look."""
        variables = [f"--env={name}={value}" for name, value in environment.items()]
        digest = image["digest"]
        return containers.to_its_end(engine, digest, *self.flags(), *variables, command=NOTHING)


def row(log: str, subject: str) -> str:
    """The lines of the log on one subject."""
    rows = [line.strip() for line in log.splitlines()]
    return "\n".join(line for line in rows if line.startswith(f"{subject} "))
