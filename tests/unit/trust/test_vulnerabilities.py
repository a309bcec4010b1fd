"""`vulnerabilities` against an HTTP server on loopback that answers as OSV does, or does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts.shared.errors import NotLookedUp, UsageError, Vulnerable
from scripts.trust import osv_client, vulnerabilities
from scripts.trust.advisories import base_score, fixed_in, is_critical
from scripts.trust.sbom_packages import Package, from_purl, packages

DEBIAN = "pkg:deb/debian/libssl3t64@3.5.1-1?arch=amd64&distro=debian-13&upstream=openssl"
NPM = "pkg:npm/%40scope/thing@1.0.0"
OPENSSL = Package("Debian:13", "openssl", "3.5.1-1")
THING = Package("npm", "@scope/thing", "1.0.0")
WORST = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
MILD = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"


def advisory(package: Package, vector: str = WORST, fixed: str = "") -> dict[str, Any]:
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    return {
        "severity": [{"type": "CVSS_V3", "score": vector}] if vector else [],
        "affected": [
            {
                "package": {"ecosystem": package.ecosystem, "name": package.name},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
    }


@dataclass
class Database:
    """`about` are the advisories' names by package; each answer has one, so others are on pages.

    `batch` and `single` are sent instead of the right answer: status and bytes; `cut` bytes of a
    longer answer are sent before the connection ends.
    """

    about: dict[str, list[str]] = field(default_factory=dict)
    advisories: dict[str, dict[str, Any]] = field(default_factory=dict)
    batch: tuple[int, bytes] | None = None
    single: tuple[int, bytes] | None = None
    cut: bool = False
    asked: list[Any] = field(default_factory=list)
    url: str = ""

    def page(self, query: dict[str, Any]) -> dict[str, Any]:
        names, at = self.about.get(query["package"]["name"], []), int(query.get("page_token", "0"))
        more = {"next_page_token": str(at + 1)} if at + 1 < len(names) else {}
        return {"vulns": [{"id": name} for name in names[at : at + 1]], **more} if names else {}


@pytest.fixture
def osv() -> Iterator[Database]:
    database = Database()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/querybatch"
            queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            database.asked.append(queries)
            self.answer(database.batch, {"results": [database.page(query) for query in queries]})

        def do_GET(self) -> None:
            name = self.path.removeprefix("/v1/vulns/")
            self.answer(database.single, {"id": name, **database.advisories.get(name, {})})

        def answer(self, instead: tuple[int, bytes] | None, right: Any) -> None:
            status, body = instead or (200, json.dumps(right).encode())
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) + 100 * database.cut))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    database.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield database
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def sbom(tmp_path: Path) -> Path:
    return written(tmp_path, DEBIAN, NPM, "pkg:generic/node@24")


def written(folder: Path, *purls: str) -> Path:
    rows = [{"externalRefs": [{"referenceLocator": purl}]} for purl in purls]
    path = folder / "sbom.spdx.json"
    path.write_text(json.dumps({"spdxVersion": "SPDX-2.3", "packages": rows}), "utf-8")
    return path


def test_a_critical_one_with_a_fix_fails(
    osv: Database, sbom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    osv.about = {"openssl": ["CVE-1", "CVE-2", "CVE-3"], "@scope/thing": ["GHSA-1"]}
    osv.advisories = {
        "CVE-1": advisory(OPENSSL, MILD, "2"),
        "CVE-2": advisory(OPENSSL),
        "CVE-3": advisory(OPENSSL, "", "2"),
        "GHSA-1": advisory(THING, fixed="1.0.1"),
    }
    with pytest.raises(Vulnerable, match="1 critical"):
        vulnerabilities.look_up(sbom, osv.url)
    assert capsys.readouterr().out.splitlines() == [
        "critical  CVE-2  Debian:13 openssl 3.5.1-1  no fix yet",
        "critical  GHSA-1  npm @scope/thing 1.0.0  fixed in 1.0.1",
        "looked up 2 packages; 1 of the SBOM are of no known ecosystem",
        "4 advisories: 2 critical, 1 without a rating",
    ]


def test_others_do_not_fail(osv: Database, sbom: Path, capsys: pytest.CaptureFixture[str]) -> None:
    osv.about = {"openssl": ["CVE-1"]}
    osv.advisories = {"CVE-1": advisory(OPENSSL)}
    vulnerabilities.look_up(sbom, f"{osv.url}/")
    assert "1 advisories: 1 critical, 0 without a rating" in capsys.readouterr().out


def test_many_packages_are_asked_about_in_parts(
    osv: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(osv_client, "BATCH", 2)
    vulnerabilities.look_up(written(tmp_path, *(f"pkg:npm/a{n}@1" for n in range(5))), osv.url)
    assert [len(queries) for queries in osv.asked] == [2, 2, 1]


DEEP = b"[" * 200_000
BAD = [
    (500, b"{}"), (302, b"{}"), (200, b""), (200, b"no"), (200, b"[]"), (200, b"{}"), (200, DEEP),
    (200, b'{"results": []}'), (200, b'{"results": [{}, 1]}'), (200, b'{"results": [{}, {}, {}]}'),
    (200, b'{"results": [{}, {"vulns": {}}]}'), (200, b'{"results": [{}, {"vulns": [{}]}]}'),
    (200, b'{"results": [{}, {"vulns": [{"id": "../../x"}]}]}'),
    (200, b'{"results": [{"next_page_token": "x"}, {"next_page_token": "y"}]}'), (200, b"\xff{}"),
]  # fmt: skip


@pytest.mark.parametrize("answer", BAD)
def test_a_wrong_answer_is_never_clean(
    osv: Database, sbom: Path, answer: tuple[int, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    osv.batch = answer
    with pytest.raises(NotLookedUp, match="not looked up"):
        vulnerabilities.look_up(sbom, osv.url)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("answer", [(404, b"{}"), (200, b'{"id": "other"}'), (200, DEEP)])
def test_an_advisory_that_cannot_be_read_is_not_left_out(
    osv: Database, sbom: Path, answer: tuple[int, bytes]
) -> None:
    osv.about, osv.single = {"openssl": ["CVE-1"]}, answer
    with pytest.raises(NotLookedUp):
        vulnerabilities.look_up(sbom, osv.url)


def test_a_cut_answer_is_not_an_answer(osv: Database, sbom: Path) -> None:
    osv.cut = True
    with pytest.raises(NotLookedUp):
        vulnerabilities.look_up(sbom, osv.url)


def test_an_answer_without_end_is_left(
    osv: Database, sbom: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(osv_client, "LIMIT", 1000)
    osv.batch = (200, b'{"results": [{}, {}]}' + b" " * 5000)
    with pytest.raises(NotLookedUp, match="not looked up") as fault:
        vulnerabilities.look_up(sbom, osv.url)
    assert "more than 1000 bytes" in fault.value.why


def test_nobody_there_is_said(sbom: Path) -> None:
    with pytest.raises(NotLookedUp) as fault:
        vulnerabilities.look_up(sbom, "http://127.0.0.1:1")
    assert "nothing is known" in fault.value.what
    assert fault.value.exit_code != Vulnerable.exit_code


def test_an_sbom_with_nothing_to_look_up_is_not_clean(osv: Database, tmp_path: Path) -> None:
    with pytest.raises(NotLookedUp, match="nothing is known"):
        vulnerabilities.look_up(written(tmp_path, "pkg:generic/x@1", "nonsense"), osv.url)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"packages": []}', '{"packages": {}}', "[" * 99999]
)
def test_no_sbom_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match="cannot be read"):
        vulnerabilities.look_up(path, "http://127.0.0.1:1")
    for missing in (tmp_path, tmp_path / "none"):
        with pytest.raises(UsageError, match="cannot be read"):
            vulnerabilities.look_up(missing, "http://127.0.0.1:1")


@pytest.mark.parametrize("address", ["", "ftp://x", "osv.dev", "http://", "http://[", "file:///x"])
def test_no_address_is_refused(sbom: Path, address: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        vulnerabilities.look_up(sbom, address)


@pytest.mark.parametrize(
    ("purl", "package"),
    [
        (DEBIAN, OPENSSL),
        (NPM, THING),
        (
            "pkg:deb/debian/a@1?distro=debian-13.2&upstream=b%402%2B1",
            Package("Debian:13", "b", "2+1"),
        ),
        ("pkg:deb/debian/a@1%3A2?distro=debian-13", Package("Debian:13", "a", "1:2")),
        ("pkg:pypi/a@1?x=y#z", Package("PyPI", "a", "1")),
        ("pkg:deb/ubuntu/a@1?distro=ubuntu-24.04", None),
        ("pkg:deb/debian/a@1", None),
        ("pkg:npm/a", None),
        ("pkg:golang/a@1", None),
        ("", None),
    ],
)
def test_package_urls(purl: str, package: Package | None) -> None:
    assert from_purl(purl) == package


def test_a_row_of_another_form_is_counted() -> None:
    rows = [1, {}, {"externalRefs": 1}, {"externalRefs": [1, {"referenceLocator": 2}]}]
    assert packages({"spdxVersion": "SPDX-2.3", "packages": rows}) == ([], 4)


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        (WORST, 9.8),
        (MILD, 1.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:3.1/AV:N", None),
        ("CVSS:4.0/AV:N/AC:L", None),
        ("9.8", None),
    ],
)
def test_base_scores(vector: str, score: float | None) -> None:
    assert base_score(vector) == score


def test_the_worse_of_word_and_vector_counts() -> None:
    assert is_critical({**advisory(THING, MILD), "database_specific": {"severity": "CRITICAL"}})
    assert is_critical({**advisory(THING), "database_specific": {"severity": "LOW"}})
    assert is_critical({"severity": "x", "database_specific": 1}) is None


def test_a_fix_is_of_this_package() -> None:
    assert fixed_in(advisory(THING, fixed="2"), THING) == ["2"]
    assert fixed_in(advisory(THING, fixed="2"), OPENSSL) == []
    assert fixed_in({"affected": [1, {"package": 1}, {"ranges": 1}]}, THING) == []
