"""What a download that failed says: each way to fail as one error with why and what next."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from scripts.model.address import shown
from scripts.model.partial import Partial
from scripts.model.transfer import Refused
from scripts.shared.console import size
from scripts.shared.errors import ModelFetchFailed, ModelMissing


class NothingCame(ModelFetchFailed):
    """The server could not be reached, or gave nothing: a default may be replaced by another."""


def refused(url: str, refusal: Refused) -> ModelFetchFailed | ModelMissing:
    """The error for a status that no further try would change."""
    if refusal.status in (404, 410):
        return ModelMissing(f"There is no {shown(url)}.", why=str(refusal))
    hint = "If it needs a login, set HF_TOKEN (sent to the Hugging Face endpoint only)."
    return NothingCame(
        f"{shown(url)} cannot be fetched.",
        why=str(refusal),
        next=hint if refusal.status in (401, 403) else "",
    )


def gave_up(url: str, partial: Partial, error: Exception, *, came: bool) -> ModelFetchFailed:
    """The error for a download that brings nothing more; `came`: this run brought some bytes."""
    host, kept = urlsplit(shown(url)).netloc, partial.size()
    kind = ModelFetchFailed if came else NothingCame
    return kind(
        f"{partial.target.name} could not be fetched from {host}.",
        why=f"{cause(error)} {size(kept)} are kept in {partial.path}." if kept else cause(error),
        next="Run the same command again: it goes on from there."
        if kept
        else "Check the network and the proxy variables, or name a file with --model.",
    )


def cause(error: Exception) -> str:
    """The innermost reason, in one sentence: urllib3 wraps it in two or three layers."""
    inner: object = error
    while isinstance(inner, Exception):
        nested = getattr(inner, "reason", None) or (inner.args[0] if inner.args else None)
        if not isinstance(nested, Exception):
            break
        inner = nested
    # "<...Connection object at 0x7f..>: Failed to ...": the part for people is at the end.
    text = re.sub(r"^(<[^>]*>|HTTPS?Connection(Pool)?\([^)]*\)): ", "", str(inner))
    return f"{text.strip().rstrip('.')}."
