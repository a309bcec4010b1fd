"""Speaks HTTP with the running service (the contract's Mentator API)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import requests

from scripts.shared.errors import AskFailed
from scripts.shared.task_command import task_command

#: Milliseconds that one generation may take, as sent with the prompt.
GENERATION_MSEC = 120_000

#: What to do about 401.
NO_KEY = (
    "Set MENTATOR_API_KEY to the key that the service was started with, or that stands as "
    "`apiKey` (or in `apiKeys`) in the configuration in its data folder (--data)."
)


def answers(address: str) -> bool:
    """Whether the service answers at all."""
    try:
        with _session() as session:
            return session.get(f"{address}/state/version", timeout=2).ok
    except requests.RequestException:
        return False


def get(address: str, path: str, *, key: str = "") -> Any:
    """One GET, with an API key where there is one.

    Raises `AskFailed` for anything but a good answer.
    """
    return _json(_send("GET", address + path, key=key))


def prompt(address: str, body: dict[str, Any], *, key: str = "") -> Any:
    """One POST /prompt, as `get`; `durationMsec` is added where the body has none."""
    body = {"durationMsec": GENERATION_MSEC, **body}
    # The model may have to be loaded first, and others may be in the queue.
    return _json(_send("POST", f"{address}/prompt", body, 3 * GENERATION_MSEC / 1000, key=key))


def delete(address: str, path: str, *, key: str = "") -> Any:
    """One DELETE, as `get`."""
    return _json(_send("DELETE", address + path, timeout=60, key=key))


@contextmanager
def events(address: str, path: str, body: Any, *, key: str = "") -> Iterator[Iterator[str]]:
    """One POST that is answered by server-sent events: the data of each, without the last mark.

    Raises `AskFailed` as `get`, and where the connection is cut.
    """
    # A comment comes every few seconds, where nothing else does.
    response = _send("POST", address + path, body, 60, key=key, stream=True)
    with response:
        if not response.ok:
            _json(response)
        yield _data(response)


def _data(response: requests.Response) -> Iterator[str]:
    try:
        for line in map(bytes.decode, response.iter_lines()):
            if line.startswith("data: ") and line != "data: [DONE]":
                yield line.removeprefix("data: ")
    except requests.RequestException as error:
        raise AskFailed(
            "The connection to the service was cut.",
            why=str(error),
            next="Run the same command again.",
        ) from None


def _session() -> requests.Session:
    """One that ignores proxy variables: the port is published on this machine, not elsewhere."""
    session = requests.Session()
    session.trust_env = False
    return session


def _send(
    method: str,
    url: str,
    body: Any = None,
    timeout: float = 10,
    *,
    key: str = "",
    stream: bool = False,
) -> requests.Response:
    try:
        with _session() as session:
            return session.request(
                method, url, json=body, timeout=timeout, auth=_bearer(key), stream=stream
            )
    except requests.RequestException as error:
        raise AskFailed(
            f"No answer from {url}.",
            why=str(error),
            next=f"Is the container up? `{task_command('up')}` starts it, "
            f"`{task_command('logs')}` shows its log.",
        ) from None


def _bearer(key: str) -> Callable[[Any], Any] | None:
    """What signs a request. As a header alone, `~/.netrc` would take its place (requests)."""

    def sign(request: Any) -> Any:
        # http.client would encode a text as Latin-1.
        request.headers["Authorization"] = f"Bearer {key}".encode()
        return request

    return sign if key else None


def _json(response: requests.Response) -> Any:
    try:
        value = response.json()
    except ValueError:
        value = {"error": response.text[:500]}
    if not response.ok:
        why = value.get("error", "") if isinstance(value, dict) else ""
        raise AskFailed(
            f"The service answered {response.status_code}.",
            why=str(why),
            next=NO_KEY if response.status_code == HTTPStatus.UNAUTHORIZED else "",
        )
    return value
