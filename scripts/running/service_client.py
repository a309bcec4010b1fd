"""Speaks HTTP with the running service (the contract's Mentator API)."""

from __future__ import annotations

from typing import Any

import requests

from scripts.shared.errors import AskFailed
from scripts.shared.task_command import task_command

#: Milliseconds that one generation may take, as sent with the prompt.
GENERATION_MSEC = 120_000


def answers(address: str) -> bool:
    """Whether the service answers at all."""
    try:
        return requests.get(f"{address}/state/version", timeout=2).ok
    except requests.RequestException:
        return False


def get(address: str, path: str) -> Any:
    """One GET. Raises `AskFailed` for anything but a good answer."""
    return _json(_send("GET", address + path))


def prompt(address: str, body: dict[str, Any]) -> Any:
    """One POST /prompt; `durationMsec` is added where the body has none."""
    body = {"durationMsec": GENERATION_MSEC, **body}
    # The model may have to be loaded first, and others may be in the queue.
    return _json(_send("POST", f"{address}/prompt", body, 3 * GENERATION_MSEC / 1000))


def _send(method: str, url: str, body: Any = None, timeout: float = 10) -> requests.Response:
    try:
        return requests.request(method, url, json=body, timeout=timeout)
    except requests.RequestException as error:
        raise AskFailed(
            f"No answer from {url}.",
            why=str(error),
            next=f"Is the container up? `{task_command('up')}` starts it, "
            f"`{task_command('logs')}` shows its log.",
        ) from None


def _json(response: requests.Response) -> Any:
    try:
        value = response.json()
    except ValueError:
        value = {"error": response.text[:500]}
    if not response.ok:
        why = value.get("error", "") if isinstance(value, dict) else ""
        raise AskFailed(f"The service answered {response.status_code}.", why=str(why))
    return value
