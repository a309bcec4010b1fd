"""The operating system as the container's entrypoint sees it, in a folder: what it reads below /,
the programs on its PATH, and who starts it. The entrypoint that runs on it is the real one."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from scripts.shared.node_tools import node_argv
from scripts.shared.paths import REPOSITORY

#: All that the entrypoint (and the fakes) may call besides the fakes: Debian slim has these.
USERLAND = (
    *("chown", "cp", "df", "find", "grep", "id", "mkdir", "mv", "rm", "sed", "setpriv", "sh"),
    *("sleep", "stat", "touch", "true"),
)

ROOT = 0

#: Who starts the entrypoint where a test does not care: never root, which nothing can be denied.
SOMEBODY = os.geteuid() or 12345

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changes users: needs root")

#: The parts of the entrypoint, in /opt/mentator of the image.
PARTS = ("start-docker.sh", "data-folder.sh", "backends.json", "entrypoint")

#: Stand for the application, and for node-llama-cpp, which the probe loads.
STAND_INS = REPOSITORY / "tests/entrypoint/stand-in"
APPLICATION = STAND_INS / "application.mjs"
LIBRARY = STAND_INS / "library.mjs"

#: Stands for Node where a test is about the shell's part alone: notes how Node was started.
RECORDER = """
shift
pwd >"$RECORD/cwd"
printf '%s\\0' distjs/index.js "$@" >"$RECORD/argv"
env -0 >"$RECORD/env"
cat /proc/$$/status >"$RECORD/status"
echo 'the service'
"""


@cache
def node() -> Path:
    """The real Node, where every user can start it: its own folder may be closed to others."""
    source = Path(node_argv()[0]).resolve()
    folder = Path(tempfile.mkdtemp(prefix="mentator-node-"))
    atexit.register(shutil.rmtree, folder)
    folder.chmod(0o755)
    try:
        (folder / "node").hardlink_to(source)
    except OSError:  # another file system
        shutil.copy(source, folder / "node")
    return folder / "node"


@dataclass(frozen=True)
class Service:
    """How the service was started; `status` is its /proc/PID/status."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    status: Mapping[str, str]

    def ids(self, name: str) -> list[int]:
        """The numbers of a row of its status, such as Uid, Gid or Groups."""
        return [int(number) for number in self.status[name].split()]


@dataclass(frozen=True)
class Started:
    """What became of one start; `service` is None where it was not reached."""

    pid: int
    code: int
    out: str
    err: str
    service: Service | None

    def reached(self) -> Service:
        """The service; the test fails where it was not reached."""
        assert self.service is not None, f"{self.code}\n{self.out}\n{self.err}"
        return self.service

    def row(self, subject: str) -> str:
        """The lines of the log on one subject."""
        rows = [line.strip() for line in self.out.splitlines()]
        return "\n".join(row for row in rows if row.startswith(f"{subject} "))


class Surface:
    """A system without any GPU, whose image holds no GPU backend, on a fresh data folder."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.tools = folder / "tools"
        self.record = folder / "record"
        self.app = self.root / "opt/mentator-llm-service"
        self.data = self.app / "data"
        self.models = self.data / "models"
        for path in (self.data, self.tools, self.record, self.root / "opt/mentator"):
            path.mkdir(parents=True)
        self.record.chmod(0o777)
        self.own(self.data, SOMEBODY)
        for name in USERLAND:
            (self.tools / name).symlink_to(shutil.which(name) or f"/usr/bin/{name}")
        (self.tools / "node").symlink_to(node())
        self.script = self.root / "opt/mentator/start-docker.sh"
        for name in PARTS:
            source = REPOSITORY / "docker" / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, self.script.parent / name)
        self.application(APPLICATION.read_text(encoding="utf-8"))
        library = "/opt/mentator-llm-service/node_modules/node-llama-cpp"
        self.file(f"{library}/package.json", '{"type": "module", "exports": "./index.js"}')
        self.file(f"{library}/index.js", LIBRARY.read_text(encoding="utf-8"))

    def tool(self, name: str, body: str) -> None:
        """Put a program on the PATH; `body` is its shell script."""
        path = self.tools / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def without_choice(self) -> None:
        """Let the shell's part end where the choice would begin, which takes Node its time."""
        for name in ("cat", "env"):
            (self.tools / name).symlink_to(shutil.which(name) or f"/usr/bin/{name}")
        self.tool("node", RECORDER)

    def application(self, body: str) -> None:
        """Put an application there; `body` is its JavaScript."""
        self.file("/opt/mentator-llm-service/package.json", '{"type": "module"}')
        self.file("/opt/mentator-llm-service/distjs/index.js", body)

    def file(self, path: str, text: str = "", mode: int = 0o666) -> Path:
        """Put a file below the root; a device node is a plain file here."""
        full = self.root / path.lstrip("/")
        full.parent.mkdir(parents=True, exist_ok=True)
        full.unlink(missing_ok=True)
        full.write_text(text, encoding="utf-8")
        full.chmod(mode)
        return full

    def own(self, path: Path, uid: int, gid: int | None = None) -> None:
        """Give a file to a user, where the test runs as root (else all is its own anyway)."""
        if os.geteuid() == 0:
            os.chown(path, uid, uid if gid is None else gid)

    def backend(self, folder: str, name: str, text: str = "ELF") -> Path:
        """Put a GPU backend into the image."""
        return self.file(f"/opt/mentator/backends/{folder}/libggml-{name}.so", text)

    def probe(self, candidate: str, body: str) -> None:
        """Lay down what a candidate does in its probe, as JavaScript; after it, all is good."""
        path = self.record / f"probe-{candidate}.mjs"
        path.write_text(body, encoding="utf-8")
        path.chmod(0o644)

    def probed(self) -> list[str]:
        """The candidates that were probed since the last call, in order."""
        path = self.record / "probes"
        rows = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [row.split()[0] for row in rows]

    def defaults(self, **models: str) -> None:
        """Put default models into the image: name of the file, its text."""
        manifest = ""
        for name, text in models.items():
            self.file(f"/opt/mentator-llm-service/default-models/{name}.gguf", text, 0o444)
            sha256 = hashlib.sha256(text.encode()).hexdigest()
            manifest += f"{sha256}  {len(text)}  {name}.gguf\n"
        self.file("/opt/mentator-llm-service/default-models/manifest.txt", manifest, 0o444)

    def in_models(self, **files: str) -> None:
        """Put the user's own files into models/."""
        if not self.models.exists():
            self.models.mkdir()
            self.own(self.models, SOMEBODY)
        for name, text in files.items():
            path = self.models / f"{name}.gguf"
            path.write_text(text, encoding="utf-8")
            self.own(path, SOMEBODY)

    def model_files(self) -> dict[str, str]:
        """What lies in models/, hidden files included."""
        return {path.name: path.read_text(encoding="utf-8") for path in self.models.iterdir()}

    def popen(
        self,
        *argv: str,
        uid: int = SOMEBODY,
        env: Mapping[str, str | None] | None = None,
        groups: Sequence[int] | None = None,
    ) -> subprocess.Popen[str]:
        """Start the entrypoint with the arguments of `docker run IMAGE ...`; None unsets."""
        environment = {
            "PATH": str(self.tools),
            "HOME": str(self.record),
            "MENTATOR_SYSTEM_ROOT": str(self.root),
            "RECORD": str(self.record),
            **(env or {}),
        }
        switch = os.geteuid() == 0 and uid != ROOT
        return subprocess.Popen(
            [shutil.which("dash") or "sh", str(self.script), *argv],
            env={name: value for name, value in environment.items() if value is not None},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            user=uid if switch else None,
            group=uid if switch else None,
            extra_groups=[] if switch else groups,
        )

    def start(
        self,
        *argv: str,
        uid: int = SOMEBODY,
        env: Mapping[str, str | None] | None = None,
        groups: Sequence[int] | None = None,
    ) -> Started:
        """Start the entrypoint and wait for its end, or for the service's."""
        process = self.popen(*argv, uid=uid, env=env, groups=groups)
        try:
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
        return Started(process.pid, process.returncode, out, err, self._service())

    def stop_once(self, process: subprocess.Popen[str], signal_: signal.Signals) -> Started:
        """Send a signal and wait for the end."""
        process.send_signal(signal_)
        out, err = process.communicate(timeout=20)
        return Started(process.pid, process.returncode, out, err, self._service())

    def _service(self) -> Service | None:
        if not (self.record / "status").exists():
            return None
        read = {
            name: (self.record / name).read_text(encoding="utf-8")
            for name in ("argv", "env", "cwd", "status")
        }
        for name in read:
            (self.record / name).unlink()
        pairs = [line.split(":", 1) for line in read["status"].splitlines()]
        return Service(
            argv=read["argv"].split("\0")[:-1],
            env=dict(row.split("=", 1) for row in read["env"].split("\0")[:-1]),
            cwd=read["cwd"].strip(),
            status={key: value.strip() for key, value in pairs},
        )


@contextmanager
def fresh() -> Iterator[Surface]:
    """A new surface, in a folder that every user can enter (pytest's own is closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="mentator-surface-"))
    try:
        folder.chmod(0o755)
        yield Surface(folder)
    finally:
        shutil.rmtree(folder)
