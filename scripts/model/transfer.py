"""One exchange with an HTTP server: ask for what is missing, append what comes.

The rules are RFC 9110's: `Range` with `If-Range`; a 200 to it means that the server starts from
the first byte, a 206 is believed only where it continues what is here, a 416 may mean "complete".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from scripts.model.address import shown
from scripts.model.partial import Origin, Partial
from scripts.shared import disk_space as space
from scripts.shared.console import byte_bar, say

#: Bytes a write, which is also what is lost of a connection that breaks.
CHUNK = 64 * 1024


@dataclass(frozen=True)
class Timeouts:
    """Seconds to connect (to each address of the host), and between two pieces of the body."""

    connect: float = 5.0
    read: float = 30.0


class StartOver(Exception):
    """What is here does not belong to what the server has now."""


class Refused(Exception):
    """The server answered with a status that ends the matter; `status` is the number."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"The server answered {status} {reason}.")
        self.status = status


class Busy(Exception):
    """The server answered with a status that may pass; `after` is its wish in seconds, or 0."""

    def __init__(self, status: int, reason: str, after: float) -> None:
        super().__init__(f"The server answered {status} {reason}.")
        self.after = after


@dataclass(frozen=True)
class Answer:
    """An open response: body from byte `start` on, of the file `origin`; None when complete."""

    response: requests.Response
    start: int
    origin: Origin | None


def ask(session: requests.Session, url: str, partial: Partial, timeouts: Timeouts) -> Answer:
    """Ask for what is missing. Raises `StartOver`, `Refused`, `Busy`, `requests` errors."""
    have, known = partial.size(), partial.origin()
    if have and (known is None or known.url != shown(url)):
        raise StartOver("it is not known what the part is of")
    # Compressed bytes would not be those of the ranges.
    headers = {"Accept-Encoding": "identity"}
    if have and known:
        headers["Range"] = f"bytes={have}-"
        if known.is_strong():
            headers["If-Range"] = known.etag
    response = session.get(
        url, headers=headers, stream=True, timeout=(timeouts.connect, timeouts.read)
    )
    try:
        return _judge(response, url, have, known)
    except BaseException:
        response.close()
        raise


def _judge(response: requests.Response, url: str, have: int, known: Origin | None) -> Answer:
    status, headers = response.status_code, response.headers
    span = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", headers.get("Content-Range", ""))
    total = int(span[2]) if span and span[2] != "*" else None
    if status == 200:
        length = headers.get("Content-Length", "")
        encoded = headers.get("Content-Encoding", "identity") != "identity"
        total = int(length) if length.isdecimal() and not encoded else None
    origin = Origin(shown(url), headers.get("ETag", ""), headers.get("Last-Modified", ""), total)
    if status == 200:
        if have:
            say("The server sends the file from its beginning: starting over.")
        return Answer(response, 0, origin)
    if status in (206, 416) and known:
        if not span or not known.matches(origin):
            raise StartOver("the file on the server has changed")
        if status == 206 and span[1] and int(span[1]) == have:
            return Answer(response, have, origin)
        if status == 416 and total == have:
            return Answer(response, have, None)
        raise StartOver("the server does not continue the part")
    if status == 429 or status >= 500:
        after = headers.get("Retry-After", "")
        raise Busy(status, response.reason, float(after) if after.isdecimal() else 0.0)
    raise Refused(status, response.reason)


@contextmanager
def opened(answer: Answer) -> Iterator[Answer]:
    """Close the connection at the end: what is left of the body is not wanted."""
    with answer.response:
        yield answer


def receive(answer: Answer, partial: Partial) -> None:
    """Append the body. Raises `requests.ConnectionError` and the like where it ends too early."""
    if answer.origin is None:
        return
    total, folder, name = answer.origin.total, partial.path.parent, partial.target.name
    if total is not None:
        space.require(folder, total - answer.start, name)
    with space.told(folder, name):
        if answer.start == 0:
            partial.begin(answer.origin)
        with partial.path.open("ab") as file, byte_bar(name, total, answer.start) as advance:
            for chunk in answer.response.iter_content(CHUNK):
                file.write(chunk)
                advance(len(chunk))
    if total is not None and partial.size() != total:
        raise requests.ConnectionError(f"{partial.size()} of {total} bytes came")
