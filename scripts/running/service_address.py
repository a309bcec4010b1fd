"""A running service, as its callers know it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """Where it is, and its API key: empty where it has none."""

    address: str
    key: str = ""
