"""Fetches one model by URL: locked, resumed, retried, checked, and renamed only when complete."""

from __future__ import annotations

import queue
import re
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from scripts.model import gguf
from scripts.model.partial import Partial
from scripts.model.source import NothingCame, public_url
from scripts.model.transfer import Answer, Busy, Refused, StartOver, ask, receive
from scripts.shared.checksum import sha256_of
from scripts.shared.console import say, size
from scripts.shared.errors import ModelFetchFailed, ModelInvalid, ModelMissing
from scripts.shared.file_lock import hold_lock


@dataclass(frozen=True)
class Patience:
    """When to try again and when to give up.

    `first` bounds the first answer, name resolution and every address of the host included, so
    that a machine without a network knows it soon; `connect` and `read` are the limits of one
    address and of the time between two pieces of the body. `tries` counts in a row, without a new
    byte; `unreached` does where no answer ever came (a timeout then ends it at once). `pause`
    doubles from try to try. All in seconds.
    """

    tries: int = 6
    unreached: int = 2
    pause: float = 0.3
    longest_pause: float = 30.0
    first: float = 10.0
    connect: float = 5.0
    read: float = 30.0


@dataclass(frozen=True)
class Wanted:
    """What to fetch. `sha256` empty and `bytes` 0: not known. `token` is sent to this URL only.

    `ca_bundle` holds the certificate authorities to trust, where the shell names none to requests.
    """

    url: str
    sha256: str = ""
    bytes: int = 0
    token: str = ""
    ca_bundle: Path | None = None


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
    with hold_lock(target.with_name(target.name + ".lock"), f"which fetches {target.name}"):
        if target.is_file() and wanted.bytes in (0, target.stat().st_size):
            return
        partial = Partial(target)
        if kept := partial.size():
            say(f"Continuing with {partial.path}: {size(kept)} are here.")
        _download(wanted, partial, patience or Patience())
        _verify(wanted, partial)
        partial.finish()


def _download(wanted: Wanted, partial: Partial, patience: Patience) -> None:
    """Exchange after exchange until all is here, or nothing more comes."""
    best, idle, answered, came = partial.size(), 0, False, False
    error: Exception
    with requests.Session() as session:
        session.auth = _Token(wanted.token) if wanted.token else None
        if wanted.ca_bundle:
            # requests has authorities of its own, without those that this machine was given.
            session.verify = str(wanted.ca_bundle)
        while True:
            after = 0.0
            try:
                answer = _open(session, wanted, partial, patience, first=not answered)
                answered = True
                with answer.response:  # closed at the end: the rest of a body is not wanted
                    _expect(wanted, answer)
                    receive(answer, partial, wanted.bytes)
                return
            except StartOver as why:
                say(f"Starting over: {why}.")
                partial.drop()
                answered, error = True, why
            except Busy as busy:
                answered, error, after = True, busy, busy.after
            except Refused as refusal:
                raise _refusal(wanted, refusal) from None
            except (
                requests.ConnectionError,
                requests.Timeout,
                requests.exceptions.ChunkedEncodingError,
            ) as broken:
                error = broken
            except requests.RequestException as fault:
                raise NothingCame(
                    f"{public_url(wanted.url)} cannot be fetched.", why=str(fault)
                ) from None
            gained = partial.size() > best
            best, came = max(best, partial.size()), came or gained
            idle = 0 if gained else idle + 1
            dead = not answered and is_final(error)
            if dead or idle >= (patience.tries if answered else patience.unreached):
                raise _failure(wanted.url, partial, error, came=came) from None
            if not isinstance(error, StartOver):
                say(f"{cause(error)} Trying again.")
                pause = max(after, patience.pause * 2 ** max(0, idle - 1))
                time.sleep(min(pause, patience.longest_pause))


def _open(
    session: requests.Session, wanted: Wanted, partial: Partial, patience: Patience, *, first: bool
) -> Answer:
    """Ask; the first answer is waited for in a thread, since DNS and connect have no common limit.

    urllib3 applies its connect timeout to each address of a host separately, and not to DNS.
    """
    timeout = (patience.connect, patience.read)
    if not first:
        return ask(session, wanted.url, partial, timeout)
    box: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()

    def work() -> None:
        try:
            box.put(ask(session, wanted.url, partial, timeout))
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
            f"{public_url(wanted.url)} is not the file that was expected.",
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
                    f"{public_url(wanted.url)} gave another file than the one that was asked for.",
                    why=f"Its SHA-256 is {found}, expected {wanted.sha256}. It was removed.",
                    next="Run the same command again; if it fails again, name another --model.",
                )
        gguf.check(partial.path, shown=public_url(wanted.url))
    except ModelInvalid:
        partial.drop()
        raise


def _refusal(wanted: Wanted, refusal: Refused) -> ModelFetchFailed | ModelMissing:
    """The error for a status that another try would not change."""
    url = wanted.url
    if refusal.status in (404, 410):
        return ModelMissing(f"{public_url(url)} does not exist.", why=str(refusal))
    if wanted.token:
        hint = "HF_TOKEN was sent: accept the terms on the model's page, or check the token."
    else:
        hint = "If it needs a login, set HF_TOKEN (sent to the Hugging Face endpoint only)."
    return NothingCame(
        f"{public_url(url)} cannot be fetched.",
        why=" ".join(filter(None, (str(refusal), refusal.said))),
        next=hint if refusal.status in (401, 403) else "",
    )


def _failure(url: str, partial: Partial, error: Exception, *, came: bool) -> ModelFetchFailed:
    """The error for a download that brings nothing more; `came`: this run brought some bytes."""
    host, kept = urlsplit(public_url(url)).netloc, partial.size()
    kind = ModelFetchFailed if came else NothingCame
    return kind(
        f"{partial.target.name} could not be fetched from {host}.",
        why=f"{cause(error)} {size(kept)} are kept in {partial.path}." if kept else cause(error),
        next="Run the same command again: it continues from there."
        if kept
        else "Check the network and the proxy variables, or name a file with --model.",
    )


def cause(error: Exception) -> str:
    """The innermost reason, in one sentence: urllib3 wraps it in two or three layers."""
    inner = _innermost(error)
    # "<...Connection object at 0x7f..>: Failed to ...": the part for people is at the end.
    text = re.sub(r"^(<[^>]*>|HTTPS?Connection(Pool)?\([^)]*\)): ", "", str(inner))
    return f"{text.strip().rstrip('.')}."


def is_final(error: Exception) -> bool:
    """Whether a host that has not answered yet need not be asked again: silent, or not known.

    A name server that cannot answer for the moment gives another code (getaddrinfo(3)).
    """
    lookup = _innermost(error).__context__
    unknown = isinstance(lookup, socket.gaierror) and lookup.errno == socket.EAI_NONAME
    return unknown or isinstance(error, requests.ConnectTimeout)


def _innermost(error: Exception) -> Exception:
    """The error that all others are wrapped around, as urllib3 and requests wrap them."""
    while True:
        nested = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        if not isinstance(nested, Exception):
            return error
        error = nested
