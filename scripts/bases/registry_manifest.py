"""Asks the registry that a base image names for its manifest, as a pull would begin.

The answer of `/v2/` alone is not enough: Docker Hub gives it to those who have reached its rate
limit, too. A HEAD of a manifest does not count as a pull there.
"""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

#: Seconds to wait for an answer: a registry out of reach must not delay a build.
TIMEOUT = 4.0

#: Where the images of docker.io are.
DOCKER_HUB = "https://registry-1.docker.io"

ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


@dataclass(frozen=True)
class Image:
    """A reference in parts; `version` is a digest, or a tag where there is none."""

    host: str
    repository: str
    version: str


def parse(reference: str) -> Image:
    """The parts of a reference that names its registry, e.g. `docker.io/library/debian:trixie`."""
    name, _, digest = reference.partition("@")
    host, _, rest = name.partition("/")
    repository, _, tag = rest.partition(":")
    return Image(host, repository, digest or tag or "latest")


def mirrored(reference: str, mirror: str) -> str:
    """The reference in a mirror, `HOST` or `HOST/FOLDER`; the same one where none is named."""
    if not mirror:
        return reference
    return f"{mirror.removeprefix('https://').rstrip('/')}/{reference.partition('/')[2]}"


def fault(reference: str, mirrors: Sequence[str] = ()) -> str:
    """Why the image cannot be had, in a few words; empty where it can, or after a login.

    `mirrors` are addresses that the engine asks before docker.io.
    """
    image = parse(reference)
    first = _ask(image, _address(image.host))
    if first and image.host == "docker.io":
        for mirror in mirrors:
            if not _ask(image, mirror.rstrip("/")):
                return ""
    return first


def _address(host: str) -> str:
    if host == "docker.io":
        return DOCKER_HUB
    # As Docker does: a registry on this machine needs no certificate.
    return f"http://{host}" if _is_loopback(host) else f"https://{host}"


def _is_loopback(host: str) -> bool:
    name = host.rpartition(":")[0] or host
    return name == "localhost" or name.startswith("127.")


def _ask(image: Image, address: str) -> str:
    url = f"{address}/v2/{image.repository}/manifests/{image.version}"
    host = urllib.parse.urlsplit(address).netloc
    try:
        status, wants = _send(url, "")
        if status == HTTPStatus.UNAUTHORIZED and (token := _token(wants, image.repository)):
            status, _ = _send(url, token)
    except (OSError, http.client.HTTPException, ValueError):
        return f"{host} does not answer"
    if status in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return ""  # the engine may have a login
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return f"{host} answers 429: its rate limit is reached"
    if status == HTTPStatus.NOT_FOUND:
        return f"{host} has no {image.repository} {image.version[:19]}"
    return f"{host} answers {status}"


def _send(url: str, token: str) -> tuple[int, str]:
    """The status of a HEAD, and what the server wants where that is 401."""
    request = urllib.request.Request(  # noqa: S310 - http or https: `_address`
        url, method="HEAD", headers={"Accept": ACCEPT}
    )
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with _open(request) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("WWW-Authenticate", "")


def _token(wants: str, repository: str) -> str:
    """An anonymous token, where the server names a place for one; else empty."""
    given = dict(re.findall(r'(\w+)="([^"]*)"', wants))
    realm = given.get("realm", "")
    if not wants.startswith("Bearer") or not realm.startswith(("https://", "http://")):
        return ""
    query = {"service": given.get("service", ""), "scope": f"repository:{repository}:pull"}
    request = urllib.request.Request(f"{realm}?{urllib.parse.urlencode(query)}")  # noqa: S310
    with _open(request) as answer:
        body = json.loads(answer.read())
    return str(body.get("token") or body.get("access_token") or "")


def _open(request: urllib.request.Request) -> Any:
    """Not by requests, which takes longer to load than this takes."""
    direct = [urllib.request.ProxyHandler({})] if _is_loopback(request.host) else []
    return urllib.request.build_opener(*direct).open(request, timeout=TIMEOUT)
