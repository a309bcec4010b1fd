"""Lists, pulls and removes the models of the running service, by its API."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

from scripts.running import service_client
from scripts.running.service_address import Service
from scripts.shared.console import byte_bar, say, size
from scripts.shared.errors import AskFailed


def show(service: Service) -> None:
    """One line a model, then one for each that is being pulled."""
    found = service_client.get(service.address, "/state/models", key=service.key)
    for line in lines(found):
        say(line)


def lines(found: dict[str, Any]) -> list[str]:
    """What `/state/models` answers, for people."""
    rows = [
        f"{row['name']}  {row.get('kind', 'chat')}  {size(row['sizeKb'] * 1024)}"
        for row in found.get("models", [])
    ]
    pulls = [
        f"{pull['source']}  {pull['status']}"
        + (f"  {size(pull['completed'])} of {size(pull['total'])}" if pull.get("total") else "")
        for pull in found.get("pulls", [])
    ]
    return [*(rows or ["There are no models."]), *pulls]


def pull(service: Service, source: str) -> None:
    """Pull `source`, with the progress of each file. Raises `AskFailed`."""
    with service_client.events(
        service.address, "/models/pull", {"source": source}, key=service.key
    ) as events:
        done = follow(events)
    names = ", ".join(done["models"] or done["files"])
    say(f"{names}: {'was there already' if done['existed'] else 'is there'}.")


def follow(events: Iterable[str]) -> dict[str, Any]:
    """Show progress until the last event, and return it. Raises `AskFailed`."""
    file, here = "", 0
    with ExitStack() as bars:
        advance = None
        for text in events:
            event: dict[str, Any] = json.loads(text)
            if "error" in event:
                raise AskFailed("The model was not pulled.", why=str(event["error"]))
            if event["status"] == "success":
                return event
            if event["status"] == "downloading":
                if advance is None or event["file"] != file:
                    bars.close()
                    file, here = event["file"], event["completed"]
                    bar = byte_bar(file, event.get("total"), here)
                    advance = bars.enter_context(bar)
                advance(event["completed"] - here)
                here = event["completed"]
    raise AskFailed(
        "The service ended the pull without a word.",
        next="Run the same command again: it continues from there.",
    )


def remove(service: Service, model: str, *, force: bool = False) -> None:
    """Delete the files of `model`. Raises `AskFailed`."""
    path = f"/models/{quote(model, safe='')}{'?force=true' if force else ''}"
    done = service_client.delete(service.address, path, key=service.key)
    say(f"Deleted {', '.join(done['files'])}.")
    if note := done.get("note"):
        say(note)
