"""Sends one prompt to the running container and prints the answer with its speed."""

from __future__ import annotations

from typing import Any

from scripts.running import service_client
from scripts.shared.console import say
from scripts.shared.errors import AskFailed


def ask(address: str, text: str, *, model: str = "", key: str = "") -> None:
    """Ask `model`, or the first one that the service lists, and print what it says.

    `key` is the service's API key, if it has one.
    """
    name = model or first_model(service_client.get(address, "/state/models", key=key))
    body = {"model": name, "message": {"user": text}}
    say(report(name, service_client.prompt(address, body, key=key)))


def first_model(models: dict[str, Any]) -> str:
    """The name of the first model listed. Raises `AskFailed` where there is none."""
    names = [row["name"] for row in models.get("models", [])]
    if not names:
        raise AskFailed(
            "The service has no model.",
            next="Put a .gguf file into the data folder's models/; it is found within a minute.",
        )
    return str(names[0])


def report(model: str, answer: dict[str, Any]) -> str:
    """The answer, then one line on model, tokens, tokens per second and waits."""
    result, duration = answer["result"], answer["duration"]
    usage = result.get("usage", {})
    speed = f"{usage['tokensPerSecond']:.1f} tokens/s" if usage.get("tokensPerSecond") else ""
    tokens = f"{usage['completionTokens']} tokens" if "completionTokens" in usage else ""
    parts = [model, tokens, speed, f"{duration['promptMsec'] / 1000:.1f} s"]
    return f"{result['data']}\n({', '.join(part for part in parts if part)})"
