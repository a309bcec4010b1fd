"""Asks OSV, or a database with its interface, over HTTP."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from typing import Any

import requests

from scripts.shared.errors import NotLookedUp
from scripts.trust.sbom_packages import Package

#: Packages in one question, and pages of its answer: OSV takes 1000 at once.
BATCH, PAGES = 500, 50

#: Bytes of an answer, of which OSV sends 32 MiB at most, and seconds that it may take.
LIMIT, SECONDS = 33 << 20, 120

#: Seconds for a connection and between two parts of an answer.
TIMEOUT = (5.0, 30.0)

#: What is taken as an advisory's name: it becomes a part of an address, and is printed.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")


class Osv:
    """The database at an address. Each method raises `NotLookedUp` unless it has the answer."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._session = requests.Session()

    def find(self, packages: Sequence[Package]) -> dict[Package, set[str]]:
        """The names of the advisories about each package; packages without one are left out."""
        found: dict[Package, set[str]] = {}
        for start in range(0, len(packages), BATCH):
            waiting = [(package, "") for package in packages[start : start + BATCH]]
            for _ in range(PAGES):
                waiting = self._batch(waiting, found)
                if not waiting:
                    break
            else:
                raise self._fault(f"more than {PAGES} pages")
        return found

    def advisory(self, name: str) -> dict[str, Any]:
        """All that is known of one advisory."""
        answer = self._ask("GET", f"/v1/vulns/{name}")
        if answer.get("id") != name:
            raise self._fault(f"another advisory than {name}")
        return answer

    def _batch(
        self, asked: Sequence[tuple[Package, str]], found: dict[Package, set[str]]
    ) -> list[tuple[Package, str]]:
        """Ask one page of each; returns what has a next one."""
        queries = [package.query(page) for package, page in asked]
        results = self._ask("POST", "/v1/querybatch", {"queries": queries}).get("results")
        # The answers have the questions' order and nothing else that says what they are about.
        if not isinstance(results, list) or len(results) != len(asked):
            raise self._fault("not one result for each package")
        waiting = []
        for (package, _), result in zip(asked, results, strict=True):
            if not isinstance(result, dict) or not isinstance(result.get("vulns", []), list):
                raise self._fault("a result of another form")
            names = [v.get("id") if isinstance(v, dict) else None for v in result.get("vulns", [])]
            for name in names:
                if not isinstance(name, str) or not NAME.fullmatch(name):
                    raise self._fault("an advisory without a usable name")
                found.setdefault(package, set()).add(name)
            if page := result.get("next_page_token"):
                waiting.append((package, str(page)))
        return waiting

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        url, end = self.address + path, time.monotonic() + SECONDS
        try:
            with self._session.request(
                method, url, json=body, timeout=TIMEOUT, stream=True, allow_redirects=False
            ) as response:
                if response.status_code != requests.codes.ok:
                    raise self._fault(f"status {response.status_code}")
                content = bytearray()
                for part in response.iter_content(1 << 16):
                    content += part
                    if len(content) > LIMIT or time.monotonic() > end:
                        raise self._fault(f"more than {LIMIT} bytes, or for over {SECONDS} s")
            answer = json.loads(content)
        except (requests.RequestException, ValueError, RecursionError) as error:
            raise self._fault(f"{type(error).__name__}: {str(error)[:300]}") from None
        if not isinstance(answer, dict):
            raise self._fault("no object")
        return answer

    def _fault(self, said: str) -> NotLookedUp:
        return NotLookedUp(
            "Vulnerabilities were not looked up: nothing is known about this image.",
            why=f"{self.address} did not answer as OSV does: {said}.",
            next="Check network and proxy, or name a database with OSV's interface: --osv ADDRESS.",
        )
