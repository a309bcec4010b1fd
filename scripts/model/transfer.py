"""One exchange with an HTTP server: ask for what is missing, append what comes.

The rules are RFC 9110's: `Range` with `If-Range`; a 200 to it means that the server starts from
the first byte, a 206 is believed only where it continues what is here, a 416 may mean "complete".
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

import requests

from scripts.model.partial import Origin, Partial
from scripts.model.source import public_url
from scripts.shared import disk_space
from scripts.shared.console import byte_bar, say

#: Bytes a write, which is also what is lost of a connection that breaks.
CHUNK = 64 * 1024


class StartOver(Exception):
    """What is here does not belong to what the server has now."""


class Refused(Exception):
    """The server answered with a status that another try would not change."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(f"The server answered {response.status_code} {response.reason}.")
        self.status = response.status_code
        # Hugging Face says in its own words why a repository cannot be read.
        self.said = response.headers.get("X-Error-Message", "")[:300]


class Busy(Refused):
    """The server answered with a status that may pass; `after` is its wish in seconds, or 0."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(response)
        self.after = seconds(response.headers.get("Retry-After", ""), time.time())


def seconds(retry_after: str, now: float) -> float:
    """The wish of a `Retry-After`, a number or a date (RFC 9110, 10.2.3), as seconds from `now`."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except ValueError:
        return 0.0


@dataclass(frozen=True)
class Answer:
    """An open response: body from byte `start` on, of the file `origin`; None when complete."""

    response: requests.Response
    start: int
    origin: Origin | None


def ask(
    session: requests.Session, url: str, partial: Partial, timeout: tuple[float, float]
) -> Answer:
    """Ask for what is missing; `timeout` is requests' own.

    Raises `StartOver`, `Refused`, `Busy`, `requests` errors.
    """
    have, known = partial.size(), partial.origin()
    if have and (known is None or known.url != public_url(url)):
        raise StartOver("it is not known what the part is of")
    if have and known and known.encoded:
        raise StartOver("it was sent compressed, which cannot be continued")
    # Compressed bytes would not be those of the ranges.
    headers = {"Accept-Encoding": "identity"}
    if have and known:
        headers["Range"] = f"bytes={have}-"
        if known.etag.startswith('"'):  # RFC 9110, 13.1.5: no weak validators
            headers["If-Range"] = known.etag
    response = session.get(url, headers=headers, stream=True, timeout=timeout)
    try:
        return _judge(response, url, have, known)
    except BaseException:
        response.close()
        raise


def _judge(response: requests.Response, url: str, have: int, known: Origin | None) -> Answer:
    status, headers = response.status_code, response.headers
    span = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", headers.get("Content-Range", ""))
    total = int(span[2]) if span and span[2] != "*" else None
    encoded = headers.get("Content-Encoding", "identity") != "identity"
    if status == 200:
        length = headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() and not encoded else None
    validators = headers.get("ETag", ""), headers.get("Last-Modified", "")
    origin = Origin(public_url(url), *validators, total, encoded)
    if status == 200:
        if have and known and _is_rest(origin, have, known):
            return Answer(response, have, replace(origin, total=known.total))
        if have:
            say("The server sends the file from its beginning: starting over.")
        return Answer(response, 0, origin)
    if status == 416 and known and not span and known.total in (None, have):
        # It does not say how long the file is; the check of the file finds a part that is not all.
        return Answer(response, have, None)
    if status in (206, 416) and known:
        if not span or not known.matches(origin):
            raise StartOver("the file on the server has changed")
        if status == 206 and span[1] and int(span[1]) == have:
            return Answer(response, have, origin)
        if status == 416 and total == have:
            return Answer(response, have, None)
        raise StartOver("the server does not continue the part")
    if status == 429 or status >= 500:
        raise Busy(response)
    raise Refused(response)


def _is_rest(origin: Origin, have: int, known: Origin) -> bool:
    """Whether a 200 brings what is missing only, as some proxies answer a request for a range.

    Its length says so, where a validator says that it is the same file.
    """
    if known.total is None or origin.total != known.total - have or origin.total == known.total:
        return False
    same = replace(origin, total=known.total)
    return known.matches(same) and bool((known.etag and origin.etag) or known.modified)


def receive(answer: Answer, partial: Partial, count: int = 0) -> None:
    """Append the body; `count` is the size of the file where it is known, in bytes.

    Raises `requests.ConnectionError` and the like where it ends too early.
    """
    if answer.origin is None:
        return
    total, folder, name = answer.origin.total, partial.path.parent, partial.target.name
    if total is not None:
        disk_space.require(folder, total - answer.start, name)
    with disk_space.report_full(folder, name):
        if answer.start == 0:
            partial.begin(answer.origin)
        with partial.path.open("ab") as file, byte_bar(name, total, answer.start) as advance:
            for chunk in answer.response.iter_content(CHUNK):
                file.write(chunk)
                advance(len(chunk))
    # Without a length, the end of the connection is the end of the file, or a cut.
    expected = total if total is not None else count
    if expected and partial.size() != expected:
        raise requests.ConnectionError(f"{partial.size()} of {expected} bytes came")
