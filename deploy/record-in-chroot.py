#!/usr/bin/env python3
"""Measures an exported image (`invoke export`) on this machine's card, without an engine.

    record-in-chroot.py        as root; needs Python 3.9 and what run-in-chroot.sh needs

It starts the image three times on one new data folder: with the card, without it, and with it
again. Each start answers the same questions and five stories of 128 tokens. The figures go to
record.json beside this file; `python -m tests.hardware_record docs/hardware.md record.json` adds
them to the document. Exit codes: 0; 1 with the reason; 130 or 143 after SIGINT or SIGTERM. The
service has ended and the data folder is gone in each case; the logs stay, record-*.log.

Environment: what run-in-chroot.sh passes on.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any

HERE = Path(__file__).resolve().parent
RUNNER = str(HERE / "run-in-chroot.sh")
PORT = 19777

#: As the smoke tests ask them, tests/smoke/gpu.py.
QUESTIONS = {
    "What is the capital of France? Answer in one short sentence.": "Paris",
    "What is the capital of Italy? Answer in one short sentence.": "Rome",
}
STORY = "Write a long story about a lighthouse keeper."
STORIES = 5
STORY_TOKENS = 128

#: Limits in seconds: of a start (a driver may compile kernels for minutes), an answer, and a stop.
READY = 600
ANSWER = 300
STOP = 30

#: What a start has shown, by name.
Found = dict[str, Any]


class Failed(Exception):
    """What went wrong, for the user."""


def call(path: str, body: Found | None = None) -> Any:
    """The JSON that the service answers with."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=ANSWER)
    try:
        headers = {"content-type": "application/json"}
        data = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", path, data, headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        if answer.status != http.HTTPStatus.OK:
            raise Failed(f"{path} was answered with status {answer.status}: {text[:500]}")
        return json.loads(text)
    finally:
        connection.close()


def is_served() -> bool:
    """Whether something listens on the port."""
    try:
        socket.create_connection(("127.0.0.1", PORT), timeout=5).close()
    except OSError:
        return False
    return True


def is_ready() -> bool:
    """Whether the service takes prompts: it listens before it has read its models."""
    try:
        call("/ready")
    except (Failed, OSError, http.client.HTTPException):
        return False
    return True


def run(name: str, data: Path, **environment: str) -> Found:
    """One start: its log, its answers, its speed, and a clean stop."""
    if is_served():
        raise Failed(f"Port {PORT} is taken: stop what listens on it.")
    log = HERE / f"record-{name}.log"
    ours = {"DATA": str(data), "MENTATOR_HOST": "127.0.0.1", "MENTATOR_PORT": str(PORT)}
    with log.open("w") as out:
        process = subprocess.Popen(
            ["sh", RUNNER],
            env={**os.environ, **ours, **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        ready = wait(process, log)
        found = {"ready_s": round(ready, 2), **measure()}
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    text = log.read_text(errors="replace")
    chosen = re.search(r"chosen\s+\w+ with \S+/backends/(\w+)/", text)
    return {**found, "backend": chosen[1] if chosen else "cpu", "log": text}


def wait(process: subprocess.Popen[bytes], log: Path) -> float:
    """Seconds until the service takes prompts."""
    start = time.monotonic()
    while time.monotonic() - start < READY:
        if process.poll() is not None:
            raise Failed(f"The image ended with code {process.returncode}: see {log}.")
        if is_ready():
            return time.monotonic() - start
        time.sleep(0.05)
    raise Failed(f"The image was not ready after {READY} s: see {log}.")


def measure() -> Found:
    """The answers and figures of the service that runs now."""
    models = call("/state/models")["models"]
    if len(models) != 1:
        raise Failed(f"The image has {len(models)} models: export one with one model.")
    model = models[0]

    def ask(text: str, **options: object) -> Found:
        body = {"model": model["name"], "message": {"user": text}, "options": options}
        result: Found = call("/prompt", {**body, "durationMsec": ANSWER * 1000})["result"]
        return result

    for question, word in QUESTIONS.items():
        answer = str(ask(question)["data"])
        if word not in answer:
            raise Failed(f"{question!r} was answered with {answer!r}.")
    usages = [ask(STORY, maxTokens=STORY_TOKENS)["usage"] for _ in range(STORIES)]
    state = call("/state")
    return {
        "model": model["name"],
        "of": model["layerCount"] + 1,
        "layers": state["currentModel"]["gpulayer"],
        "device": state["gpuInfo"]["device"],
        "reason": state["gpuInfo"]["reason"],
        "tokens_per_second": statistics.median(usage["tokensPerSecond"] for usage in usages),
        "first_token_ms": statistics.median(usage["firstTokenMsec"] for usage in usages),
    }


def driver() -> str:
    """The driver's version: NVIDIA's, that of amdgpu, or the kernel's."""
    if shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        said = subprocess.run(query, capture_output=True, text=True, check=False, timeout=30)
        if said.returncode == 0 and said.stdout.strip():
            return said.stdout.splitlines()[0].strip()
    version = Path("/sys/module/amdgpu/version")
    if version.exists():
        return f"amdgpu {version.read_text().strip()}"
    return f"Linux {os.uname().release}"


def record(image: Found, first: Found, cpu: Found, again: Found) -> Found:
    """The record of three starts; `Failed` where they did not use the card as they should."""
    for found in (first, again):
        if found["backend"] == "cpu":
            raise Failed(f"No card was chosen: {found['reason']}")
        if found["layers"] < found["of"]:
            raise Failed(f"Only {found['layers']} of {found['of']} layers are on the card.")
    if first["backend"] != again["backend"] or "proven at an earlier start" not in again["log"]:
        raise Failed("The second start with the card did not remember the proof of the first.")
    return {
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "card": first["device"],
        "driver": driver(),
        "digest": image["digest"],
        "backend": first["backend"],
        "layers": f"{first['layers']} of {first['of']}",
        "card_speed": first["tokens_per_second"],
        "cpu_speed": cpu["tokens_per_second"],
        "first_token_ms": first["first_token_ms"],
        "model": first["model"],
        "commands": [
            "./run-in-chroot.sh",
            "MENTATOR_BACKEND=cpu ./run-in-chroot.sh",
            f"# ready after {first['ready_s']} s, with the remembered proof {again['ready_s']} s",
        ],
    }


def unpack(data: Path) -> None:
    """Unpack the image, if it is not yet: no start is to wait for it."""
    environment = {**os.environ, "DATA": str(data)}
    done = subprocess.run(["sh", RUNNER, "/bin/true"], env=environment, check=False)
    if done.returncode != 0:
        raise Failed(f"{RUNNER} ended with code {done.returncode}: see above.")


def main() -> None:
    """Three starts, then the record."""
    image = json.loads((HERE / "image.json").read_text())
    data = Path(tempfile.mkdtemp(prefix="record-data-", dir=HERE))
    try:
        measure_card(image, data)
    finally:
        shutil.rmtree(data, ignore_errors=True)


def measure_card(image: Found, data: Path) -> None:
    """Write and print the record."""
    unpack(data)
    first = run("card", data)
    if first["backend"] == "cpu":
        raise Failed(f"No card was chosen: {first['reason']}")
    cpu = run("cpu", data, MENTATOR_BACKEND="cpu")
    made = record(image, first, cpu, run("again", data))
    (HERE / "record.json").write_text(json.dumps(made, indent=2) + "\n")
    print(json.dumps(made, indent=2))


def end(number: int, _frame: FrameType | None) -> None:
    """End by SIGINT or SIGTERM, and what was started with it."""
    sys.exit(128 + number)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    try:
        main()
    except (Failed, OSError, ValueError, KeyError, http.client.HTTPException) as error:
        sys.exit(f"error: {error}")
