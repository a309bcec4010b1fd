"""Turns what docker says about a push that failed into an error that its reader can act upon."""

from __future__ import annotations

import re

from scripts.shared.errors import LoginMissing, PublishFailed
from scripts.shared.task_command import task_command

#: What engines and registries say when they want a login, and when one is not good enough.
NO_LOGIN = re.compile(
    r"no basic auth credentials|unauthorized|authentication required|access to the resource is"
    r"|authorization failed|insufficient_scope",
    re.IGNORECASE,
)
#: Faults of a push by what engines and registries say, the plainest first: what to say of the
#: registry, and what to do. `{host}` is the registry, `{wait}` a `Retry-After` in words.
FAULTS = (
    (
        r"docker-credential-\S+.*executable file not found|error getting credentials",
        "The helper that keeps the login for {host} cannot be run.",
        "Install it (docker-credential-... as docker says), or take `credsStore` and `credHelpers` "
        "out of ~/.docker/config.json and log in again: docker login {host}.",
    ),
    (
        r"server gave HTTP response to HTTPS client|http: server gave HTTP|"
        r"tls: first record does not look like a TLS handshake",
        "The registry {host} speaks plain http, and docker uses https.",
        'Give it a certificate, or allow http: "insecure-registries": ["{host}"] in the '
        "configuration of the Docker engine (daemon.json), then restart the engine.",
    ),
    (
        r"x509:|certificate signed by unknown authority|tls: failed to verify",
        "The certificate of the registry {host} is not trusted by the Docker engine.",
        "Put the authority's certificate into /etc/docker/certs.d/{host}/ca.crt.",
    ),
    (
        r"\b413\b|request entity too large|content too large",
        "The registry {host}, or a proxy before it, does not take a layer of this size.",
        "Raise its limit for a request's body (nginx: client_max_body_size 0), or publish a "
        "smaller variant. To try again does not help.",
    ),
    (
        r"\b429\b|too ?many ?requests|rate limit",
        "The registry {host} has had too many requests.",
        "Wait{wait}, then run `{again}` again. A login has a higher limit at most registries.",
    ),
)

#: Seconds, as registries and engines repeat the header.
RETRY_AFTER = re.compile(r"retry[- ]after[\"':=\s]+(\d+)", re.IGNORECASE)

UNREACHED = re.compile(r"no such host|connection refused|dial tcp|i/o timeout", re.IGNORECASE)
REFUSED = re.compile(r"denied|forbidden|\b403\b", re.IGNORECASE)


def explain(reference: str, text: str) -> LoginMissing | PublishFailed:
    """Turn a push's error text into the error that its reader can act upon."""
    last = text.strip().splitlines()[-1] if text.strip() else "no message"
    host = registry_of(reference)
    again = task_command("publish")
    for pattern, what, hint in FAULTS:
        if re.search(pattern, text, re.IGNORECASE):
            seconds = RETRY_AFTER.search(text)
            wait = f" {seconds[1]} s" if seconds else " some minutes"
            return PublishFailed(
                what.format(host=host),
                why=last,
                next=hint.format(host=host, again=again, wait=wait),
            )
    if NO_LOGIN.search(text):
        return LoginMissing(
            f"The registry {host} wants a login to push {reference}.",
            why=last,
            next=f"docker login {host}, then `{again}` again.",
        )
    if REFUSED.search(text):
        return PublishFailed(
            f"The registry {host} refused {reference}.",
            why=last,
            next="Check that this account may push to the repository (setting `image`).",
        )
    if UNREACHED.search(text):
        return PublishFailed(
            f"The registry {host} does not answer.",
            why=last,
            next=f"Check network and proxy, then run `{again}` again.",
        )
    return PublishFailed(
        f"The push of {reference} was interrupted.",
        why=last,
        next=f"Run `{again}` again: what has arrived is not sent again.",
    )


def registry_of(reference: str) -> str:
    """The registry in a reference: its first part, where that can be a host (Docker's grammar)."""
    first, slash, _ = reference.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    return first if is_host else "docker.io"
