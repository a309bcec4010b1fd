"""Thousands of mixed requests: failures, memory growth, and how long a healthcheck takes."""

from __future__ import annotations

import random
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

import requests

from scripts.shared.node_tools import node_argv
from scripts.shared.paths import REPOSITORY
from tests.bench import completions, servers
from tests.bench.ratio import Ratio
from tests.bench.report import Item, Series
from tests.bench.subject import Subject

CONCURRENCY = 32

#: How many of 100 requests are of each kind; the rest read the state.
GENERATIONS, EMBEDDINGS = 4, 2

READS = ("/state/version", "/state/models", "/health", "/ready", "/v1/models", "/metrics", "/state",
         "/helper/example/options", "/chat", "/doc/json", "/no/such/path")  # fmt: skip


def many_requests(subject: Subject, count: int = 10_000) -> Iterator[Item]:
    """`count` requests, 32 at a time; meanwhile a process of its own does health checks."""
    docker, (_, model) = subject.docker, subject.one("Q4_0")
    with servers.service(docker, subject.digest, model, 8) as server:
        codes: Counter[int] = Counter()
        memory: list[float] = []
        checks = _Checks(server)
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            began = time.monotonic()
            for part in range(10):
                numbers = range(part * count // 10, (part + 1) * count // 10)
                codes.update(pool.map(lambda number: _send(server, number), numbers))
                memory.append(servers.resident_memory(docker, server))
            took = time.monotonic() - began
        checks.end()
    bad = sum(n for code, n in codes.items() if code >= 500 or code == 0)
    yield (
        f"{count} requests, {CONCURRENCY} at once, {took:.0f} s:"
        f" {bad} failed (5xx or no answer); {dict(codes)}"
    )
    counts = [(part + 1) * count / 10 for part in range(10)]
    yield Series("memory after each tenth", counts, memory, "requests", "MB")
    yield Ratio("memory at the end", "after the first tenth", memory[-1:], memory[:1], "MB", 1.05)
    ordered = sorted(checks.seconds)
    p99 = ordered[int(0.99 * (len(ordered) - 1))]
    yield (
        f"GET /state/version meanwhile, n={len(ordered)}: median"
        f" {1000 * statistics.median(ordered):.0f} ms, p99 {1000 * p99:.0f} ms (aim <= 100 ms),"
        f" maximum {1000 * ordered[-1]:.0f} ms; healthcheck.mjs as a"
        f" process, n={len(checks.processes)}: median"
        f" {statistics.median(checks.processes):.2f} s, {checks.failed} failed"
    )


def _send(server: servers.Server, number: int) -> int:
    """The status of one request; 0 when there was no answer."""
    kind = number % 100
    pick = random.Random(number)  # noqa: S311 (the same requests each time)
    try:
        if kind < GENERATIONS:
            return _post(server, "/v1/completions", _completion(server, pick))
        if kind < GENERATIONS + EMBEDDINGS:
            body = {"model": server.model, "input": f"text {number}"}
            return _post(server, "/v1/embeddings", body)
        if kind == 99:
            return _post(server, "/check/options", {"options": {"temperature": -1}})
        url = server.address + pick.choice(READS)
        return requests.get(url, timeout=completions.TIMEOUT).status_code
    except requests.RequestException:
        return 0


def _completion(server: servers.Server, pick: random.Random) -> dict[str, Any]:
    body = {"model": server.model, "prompt": f"Number {pick.random()} is", "temperature": 0}
    return {**body, "max_tokens": pick.randint(1, 8), "stream": pick.random() < 0.5}


def _post(server: servers.Server, path: str, body: dict[str, Any]) -> int:
    url = server.address + path
    with requests.post(url, json=body, timeout=completions.TIMEOUT) as response:
        return response.status_code


class _Checks:
    """Sends the request of the healthcheck ten times a second until `end` is called."""

    def __init__(self, server: servers.Server) -> None:
        self.seconds: list[float] = []
        self.processes: list[float] = []
        self.failed = 0
        self._over = Event()
        self._port = server.address.rpartition(":")[2]
        # A process of its own: in this one, threads would wait for each other (GIL).
        self._child = subprocess.Popen(
            [*node_argv(), "--input-type=module", "--eval", _CLIENT, self._port],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._thread = Thread(target=self._start_processes)
        self._thread.start()

    def _start_processes(self) -> None:
        check = [*node_argv(), str(REPOSITORY / "docker" / "healthcheck.mjs"), self._port]
        while not self._over.wait(5):
            began = time.monotonic()
            self.failed += subprocess.run(check, check=False).returncode != 0
            self.processes.append(time.monotonic() - began)

    def end(self) -> None:
        """Stop, and collect the results."""
        self._over.set()
        self._thread.join()
        out, _ = self._child.communicate("end\n")
        self.seconds = [float(line) / 1000 for line in out.split()]


#: Prints the milliseconds of each GET, one per line, until its stdin has data.
_CLIENT = """
import http from 'node:http';
const url = `http://127.0.0.1:${process.argv[1]}/state/version`;
let over = false;
process.stdin.on('data', () => { over = true; });
while (!over) {
    const began = performance.now();
    await new Promise((done, fail) => http.get(url, { agent: false }, (answer) => {
        answer.resume().on('end', done);
    }).on('error', fail));
    console.log((performance.now() - began).toFixed(2));
    await new Promise((done) => setTimeout(done, 100));
}
process.exit(0);
"""
