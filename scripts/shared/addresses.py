"""Addresses of this machine: what is one, how it is written, and whether a port of it is free."""

from __future__ import annotations

import errno
import ipaddress
import socket

#: Addresses that stand for all of a machine's, and what reaches such a port on the machine itself.
ALL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def is_address(text: str) -> bool:
    """Whether it is an IP address; one with a zone (fe80::1%eth0) has no place in a URL."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def bracketed(host: str) -> str:
    """A host as URLs and `docker run --publish` have it: IPv6 in brackets (RFC 3986)."""
    return f"[{host}]" if ":" in host else host


def url(host: str, port: int) -> str:
    """Where a service that listens on `host` is reached from this machine."""
    return f"http://{bracketed(ALL.get(host, host))}:{port}"


def fault(host: str, port: int) -> int:
    """Why no program of this machine could listen there, as an errno: in use, or no such address.

    0 where one can, and where only another user could say so: a port below 1024.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Without it, closed connections of the last minute would count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
            return error.errno
    return 0
