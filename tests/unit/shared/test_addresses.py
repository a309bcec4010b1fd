from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from scripts.running.up_request import resolve
from scripts.shared import addresses
from scripts.shared.errors import UsageError
from scripts.shared.settings_sources import load


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("[::1]", "http://[::1]:80"),
        ("::", "http://[::1]:80"),
        ("2001:db8::1", "http://[2001:db8::1]:80"),
        ("localhost", "http://localhost:80"),
        ("gpu-box.lan", "http://gpu-box.lan:80"),
    ],
)
def test_the_address_of_a_service(tmp_path: Path, host: str, address: str) -> None:
    flags = {"host": host, "port": "80"}
    assert load(flags, root=tmp_path, environ={}).settings.address() == address


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0", "1.2.3.4.5", "256.0.0.1", "[::1", "::1]", "[127.0.0.1]", "fe80::1%eth0"),
        *("http://a", "a:80", "a b", "a..b", ".a", "a/", "user@a", "*"),
    ],
)
def test_what_is_no_host_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(UsageError, match="is not an address or a host's name"):
        load({"host": host}, root=tmp_path, environ={})


@pytest.mark.parametrize(
    ("host", "published"),
    [("localhost", "127.0.0.1"), ("[::1]", "::1"), ("0.0.0.0", "0.0.0.0"), ("::", "::")],
)
def test_up_publishes_on_an_address(tmp_path: Path, host: str, published: str) -> None:
    assert resolve(load({"host": host}, root=tmp_path, environ={})).host == published


def test_a_port_is_free_in_use_or_at_no_address_of_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert addresses.fault("127.0.0.1", port) == errno.EADDRINUSE
        assert addresses.fault("0.0.0.0", port) == errno.EADDRINUSE
    assert addresses.fault("127.0.0.1", port) == 0
    assert addresses.fault("192.0.2.1", port) == errno.EADDRNOTAVAIL  # for documents (RFC 5737)


def test_a_port_of_a_connection_that_has_just_ended_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()  # the side that closes first waits a minute
    assert addresses.fault("127.0.0.1", port) == 0
