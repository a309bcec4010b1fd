"""Fetches one model by URL: locked, resumed, retried, checked, and renamed only when complete."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests

from scripts.model import gguf
from scripts.model.address import shown
from scripts.model.checksum import sha256_of
from scripts.model.fetch_faults import NothingCame, cause, gave_up, refused
from scripts.model.partial import Partial
from scripts.model.transfer import Answer, Busy, Refused, StartOver, Timeouts, ask, opened, receive
from scripts.shared.console import say, size
from scripts.shared.errors import ModelInvalid
from scripts.shared.file_lock import locked


@dataclass(frozen=True)
class Patience:
    """When to try again and when to give up.

    `first` bounds the first answer, name resolution and every address of the host included, so
    that a machine without a network knows it soon. `tries` counts in a row, without a new byte;
    `unreached` does where no answer ever came (a timeout then ends it at once). `pause` doubles
    from try to try. All in seconds.
    """

    tries: int = 6
    unreached: int = 2
    pause: float = 0.3
    longest_pause: float = 30.0
    first: float = 10.0
    timeouts: Timeouts = field(default_factory=Timeouts)


@dataclass(frozen=True)
class Wanted:
    """What to fetch. `sha256` empty and `bytes` 0: not known. `token` is sent to this URL only."""

    url: str
    sha256: str = ""
    bytes: int = 0
    token: str = ""


class _Token(requests.auth.AuthBase):
    """A bearer token; as an auth object, since requests lets a .netrc replace a mere header.

    requests drops it where a redirect leads to another host, such as Hugging Face's storage.
    """

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def fetch(wanted: Wanted, target: Path, patience: Patience | None = None) -> None:
    """Make `target` the wanted file, unless it is there.

    Raises `NothingCame`, `ModelFetchFailed` (what came is kept), `ModelMissing` (404),
    `ModelInvalid` (wrong sum, no GGUF; removed), `NoSpace`.
    """
    with locked(target.with_name(target.name + ".lock"), f"which fetches {target.name}"):
        if target.is_file() and wanted.bytes in (0, target.stat().st_size):
            return
        partial = Partial(target)
        if kept := partial.size():
            say(f"Going on with {partial.path}: {size(kept)} are here.")
        _download(wanted, partial, patience or Patience())
        _verify(wanted, partial)
        partial.finish()


def _download(wanted: Wanted, partial: Partial, patience: Patience) -> None:
    """Exchange after exchange until all is here, or nothing more comes."""
    best, idle, answered, came = partial.size(), 0, False, False
    with requests.Session() as session:
        session.auth = _Token(wanted.token) if wanted.token else None
        while True:
            pause: float | None = 0.0
            try:
                answer = _open(session, wanted, partial, patience, first=not answered)
                answered = True
                with opened(answer):
                    _expect(wanted, answer)
                    receive(answer, partial)
                return
            except StartOver as why:
                say(f"Starting over: {why}.")
                partial.drop()
                error: Exception = why
                answered, pause = True, None
            except Refused as refusal:
                raise refused(wanted.url, refusal) from None
            except Busy as busy:
                answered, error, pause = True, busy, busy.after
            except (
                requests.ConnectionError,
                requests.Timeout,
                requests.exceptions.ChunkedEncodingError,
            ) as broken:
                error = broken
            except requests.RequestException as fault:
                raise NothingCame(
                    f"{shown(wanted.url)} cannot be fetched.", why=str(fault)
                ) from None
            gained = partial.size() > best
            best, came = max(best, partial.size()), came or gained
            idle = 0 if gained else idle + 1
            dead = not answered and isinstance(error, requests.ConnectTimeout)
            if dead or idle >= (patience.tries if answered else patience.unreached):
                raise gave_up(wanted.url, partial, error, came=came) from None
            if pause is not None:
                say(f"{cause(error)} Trying again.")
                pause = max(pause, patience.pause * 2 ** max(0, idle - 1))
                time.sleep(min(pause, patience.longest_pause))


def _open(
    session: requests.Session, wanted: Wanted, partial: Partial, patience: Patience, *, first: bool
) -> Answer:
    """Ask; the first answer is waited for in a thread, since DNS and connect have no common limit.

    urllib3 applies its connect timeout to each of a host's addresses in turn, and not to DNS.
    """
    if not first:
        return ask(session, wanted.url, partial, patience.timeouts)
    box: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()

    def work() -> None:
        try:
            box.put(ask(session, wanted.url, partial, patience.timeouts))
        except BaseException as error:
            box.put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        outcome = box.get(timeout=patience.first)
    except queue.Empty:
        raise requests.ConnectTimeout(f"no answer within {patience.first:g} s") from None
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def _expect(wanted: Wanted, answer: Answer) -> None:
    """Refuse a file of another size before it is fetched: a proxy's or a hotel's own page."""
    total = answer.origin.total if answer.origin else None
    if wanted.bytes and total is not None and total != wanted.bytes:
        raise NothingCame(
            f"{shown(wanted.url)} is not the file that was expected.",
            why=f"The server offers {total} bytes instead of {wanted.bytes}.",
            next="A proxy or a login page may have answered: open the URL in a browser.",
        )


def _verify(wanted: Wanted, partial: Partial) -> None:
    """The pinned sum, or else at least the form; a file that fails is removed."""
    try:
        if wanted.sha256:
            found = sha256_of(partial.path, f"Checking {partial.target.name}")
            if found != wanted.sha256:
                raise ModelInvalid(
                    f"{shown(wanted.url)} gave another file than the one that was asked for.",
                    why=f"Its SHA-256 is {found}, expected {wanted.sha256}. It was removed.",
                    next="Run the same command again; if it stays so, name another --model.",
                )
        gguf.inspect(partial.path, shown=shown(wanted.url))
    except ModelInvalid:
        partial.drop()
        raise
