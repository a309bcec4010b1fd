"""What of a model's URL may be shown and kept, and who may see the user's token."""

from __future__ import annotations

from urllib.parse import urlsplit


def shown(url: str) -> str:
    """The URL for logs and notes: without a password, and without a query, which may be signed."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()


def token_for(url: str, endpoint: str, token: str) -> str:
    """The token if `url` lies at the endpoint itself (scheme, host and port), else none."""
    return token if urlsplit(url)[:2] == urlsplit(endpoint)[:2] else ""
