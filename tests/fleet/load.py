"""Chats sent by many clients at once, and what became of each."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

#: Seconds after which a client gives up.
PATIENCE = 120


@dataclass(frozen=True)
class Outcome:
    """One request: its times on the monotonic clock, and why it failed; empty where it did not."""

    begin: float
    end: float
    replica: str
    fault: str


@dataclass
class Load:
    """Clients that send one chat after the other."""

    address: str
    key: str
    clients: int
    #: Requests at all; 0: until it is stopped.
    limit: int = 0
    model: str = ""
    outcomes: list[Outcome] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Start all clients."""
        headers = {"Authorization": f"Bearer {self.key}"}
        listed = requests.get(f"{self.address}/v1/models", headers=headers, timeout=30)
        self.model = listed.json()["data"][0]["id"]
        for _ in range(self.clients):
            thread = threading.Thread(target=self._client, daemon=True)
            self._threads.append(thread)
            thread.start()

    def finish(self) -> None:
        """Wait until all clients have sent what they should, and have their answers."""
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """Send no more, and wait for the answers."""
        self._over.set()
        self.finish()

    @property
    def faults(self) -> list[Outcome]:
        """The requests without a whole answer."""
        return [outcome for outcome in self.outcomes if outcome.fault]

    def _client(self) -> None:
        with requests.Session() as session:
            while not self._over.is_set():
                number = next(self._numbers)
                if self.limit and number >= self.limit:
                    return
                self.outcomes.append(self._ask(session, number))

    def _ask(self, session: requests.Session, number: int) -> Outcome:
        body = chat(self.model, f"You are assistant {number % 12}. Be short.", f"Say {number}.")
        begin = time.monotonic()
        replica = ""
        try:
            url = f"{self.address}/v1/chat/completions"
            headers = {"Authorization": f"Bearer {self.key}"}
            answer = session.post(url, json=body, headers=headers, timeout=PATIENCE)
            replica = answer.headers.get("X-Mentator-Replica", "")
            fault = "" if answer.status_code == 200 and _is_whole(answer) else _short(answer)
        except (requests.RequestException, ValueError) as error:
            fault = type(error).__name__
        return Outcome(begin, time.monotonic(), replica, fault)


def chat(model: str, system: str, user: str, tokens: int = 4) -> dict[str, Any]:
    """The body of a chat."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    return {"model": model, "messages": messages, "max_tokens": tokens, "temperature": 0}


@contextmanager
def under_load(address: str, key: str, clients: int) -> Iterator[Load]:
    """Load while the block runs; at its end all answers are there."""
    load = Load(address, key, clients)
    load.start()
    try:
        yield load
    finally:
        load.stop()


def _is_whole(answer: requests.Response) -> bool:
    return answer.json()["choices"][0]["finish_reason"] in ("stop", "length")


def _short(answer: requests.Response) -> str:
    return f"{answer.status_code}: {answer.text[:200]}"
