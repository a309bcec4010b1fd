"""Finds this machine's bundle of trusted certificate authorities (PEM), for HTTPS in a build."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from scripts.shared.errors import UsageError
from scripts.shared.paths import expand

#: Where distributions keep it: Debian and Alpine, Fedora, openSUSE, macOS (Homebrew's OpenSSL).
PLACES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def find(setting: str, environ: Mapping[str, str] | None = None) -> Path | None:
    """The bundle named by the setting, else by SSL_CERT_FILE, else the distribution's, else None.

    Raises `UsageError` where the one named by the setting is not a file.
    """
    if setting:
        path = expand(setting).resolve()
        if not path.is_file():
            raise UsageError(f"ca_bundle: {path} is not a file.")
        return path
    named = (os.environ if environ is None else environ).get("SSL_CERT_FILE", "")
    for place in (named, *PLACES):
        if place and Path(place).is_file():
            return Path(place)
    return None
