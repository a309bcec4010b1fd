"""The proxy variables of this shell, for programs that know only one of their spellings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

#: Those that BuildKit predefines as build arguments: they reach RUN, but neither the image's
#: history nor the cache's key (docs.docker.com, "Predefined ARGs").
NAMES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def both_spellings(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that are set, in lower and in upper case: apt and curl read only the lower."""
    given = os.environ if environ is None else environ
    found: dict[str, str] = {}
    for name in NAMES:
        value = given.get(name) or given.get(name.upper())
        if value:
            found |= {name: value, name.upper(): value}
    return found


def on_loopback(variables: Mapping[str, str]) -> list[str]:
    """The variables whose proxy listens on this machine only, which no build container reaches."""
    return [
        name
        for name, value in variables.items()
        if name in NAMES and name != "no_proxy" and _host(value) in LOOPBACK
    ]


def _host(value: str) -> str:
    try:
        return urlsplit(value if "://" in value else f"//{value}").hostname or ""
    except ValueError:
        return ""
