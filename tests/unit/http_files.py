"""A real HTTP server on loopback that serves one file, as well or as badly as a test wants."""

from __future__ import annotations

import gzip
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Served:
    """The file and the server's manners; `seen` are the headers of each request, in order.

    `cuts`: bytes of the body after which each of the next requests is cut off; `statuses`: what
    the next requests get instead of the file; `rate` in bytes/s; `redirect`: where to send on.
    `slices`: a range is sent with status 200 and the length of the slice, `sizes`: a 416 says how
    long the file is; `gzip`: it is sent compressed; `headers` go with each of the `statuses`.
    """

    body: bytes
    etag: str = '"one"'
    modified: str = ""
    ranges: bool = True
    length: bool = True
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    rate: float = 0.0
    redirect: str = ""
    slices: bool = False
    sizes: bool = True
    gzip: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    url: str = ""

    def ranges_asked(self) -> list[str]:
        return [headers.get("Range", "") for headers in self.seen]


@contextmanager
def serving(
    served: Served, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[Served]:
    """Run the server, with `tls` for HTTPS; `served.url` is its root, without a slash."""

    class Handler(_Handler):
        file = served

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    served.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    file: Served

    def do_GET(self) -> None:
        served = self.file
        served.seen.append({name.title(): value for name, value in self.headers.items()})
        served.paths.append(self.path)
        if served.statuses:
            self._empty(served.statuses.pop(0), **served.headers)
        elif served.redirect:
            self._empty(302, Location=served.redirect + self.path)
        else:
            self._file(served)

    def _file(self, served: Served) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range", served.etag) == served.etag
        begin, total = 0, len(served.body)
        if asked and same and served.ranges:
            begin = int(asked[1])
            if begin >= total:
                size = {"Content-Range": f"bytes */{total}", "ETag": served.etag}
                self._empty(416, **(size if served.sizes else {}))
                return
            self.send_response(200 if served.slices else 206)
            if not served.slices:
                self.send_header("Content-Range", f"bytes {begin}-{total - 1}/{total}")
        else:
            self.send_response(200)
        body = served.body
        if served.gzip:
            body, total = gzip.compress(body, mtime=0), 0
            self.send_header("Content-Encoding", "gzip")
        if served.length and not served.gzip:
            self.send_header("Content-Length", str(total - begin))
        for name, value in (("ETag", served.etag), ("Last-Modified", served.modified)):
            if value:
                self.send_header(name, value)
        self.end_headers()
        end = begin + served.cuts.pop(0) if served.cuts else len(body)
        self._send(body[begin:end], served.rate)

    def _send(self, body: bytes, rate: float) -> None:
        piece = int(rate / 50) or len(body) or 1
        with suppress(BrokenPipeError, ConnectionResetError):
            for at in range(0, len(body), piece):
                self.wfile.write(body[at : at + piece])
                if rate:
                    time.sleep(0.02)

    def _empty(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass
