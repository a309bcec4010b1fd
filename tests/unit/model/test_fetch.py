from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from scripts.model.fetch import Patience, Wanted, cause, fetch
from scripts.model.source import NothingCame
from scripts.model.transfer import seconds
from scripts.shared import commands
from scripts.shared.errors import ModelFetchFailed, ModelInvalid, ModelMissing, NoSpace, UsageError
from scripts.shared.paths import REPOSITORY
from tests.unit.gguf_files import write_model
from tests.unit.http_files import Served, serving

QUICK = Patience(tries=3, pause=0.01, longest_pause=0.05, first=10.0, connect=5.0, read=5.0)

HASTY = Patience(first=0.3, connect=1.0, read=1.0)


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("model") / "m.gguf"
    return write_model(path, vocabulary=4000).read_bytes()


@pytest.fixture
def served(body: bytes) -> Iterator[Served]:
    with serving(Served(body)) as file:
        yield file


def wanted(served: Served, *, pinned: bool = True, token: str = "") -> Wanted:
    body = served.body
    url = f"{served.url}/m.gguf"
    if not pinned:
        return Wanted(url, token=token)
    return Wanted(url, hashlib.sha256(body).hexdigest(), len(body), token)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / "m.gguf"


def left(target: Path) -> list[str]:
    """What lies beside the target, but its lock, which stays."""
    return sorted(entry.name for entry in target.parent.iterdir() if entry.suffix != ".lock")


def test_a_plain_download(served: Served, target: Path) -> None:
    fetch(wanted(served), target, QUICK)
    assert target.read_bytes() == served.body
    assert left(target) == ["m.gguf"]
    assert target.stat().st_mode & 0o777 == 0o644
    fetch(wanted(served), target, QUICK)
    assert len(served.seen) == 1


def test_without_pins_and_without_length(served: Served, target: Path) -> None:
    served.length, served.etag = False, ""
    fetch(wanted(served, pinned=False), target, QUICK)
    assert target.read_bytes() == served.body


def test_a_broken_download_is_resumed_where_it_stopped(served: Served, target: Path) -> None:
    served.cuts = [200_000, 300_000]
    fetch(wanted(served), target, QUICK)
    assert target.read_bytes() == served.body
    first, second, third = served.ranges_asked()
    assert first == ""
    begin, further = (int(text[6:-1]) for text in (second, third))
    assert 0 < begin <= 200_000
    assert begin < further <= begin + 300_000
    assert served.seen[1]["If-Range"] == '"one"'


def test_a_later_run_resumes(served: Served, target: Path) -> None:
    served.cuts = [400_000, 0, 0, 0]
    with pytest.raises(ModelFetchFailed) as caught:
        fetch(wanted(served), target, QUICK)
    assert "are kept in" in caught.value.why
    assert "continues from there" in caught.value.next
    assert not isinstance(caught.value, NothingCame)
    assert left(target) == ["m.gguf.part", "m.gguf.part.json"]
    kept = target.with_name("m.gguf.part").stat().st_size
    assert kept > 300_000
    fetch(wanted(served), target, QUICK)
    assert served.ranges_asked()[-1] == f"bytes={kept}-"
    assert target.read_bytes() == served.body


def test_retries_stop_only_when_no_bytes_arrive(served: Served, target: Path) -> None:
    served.cuts = [70_000] * 8  # more cuts than tries, each with some bytes before it
    fetch(wanted(served), target, QUICK)
    assert len(served.seen) == 9


def test_a_server_that_ignores_range_starts_over(
    served: Served, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served.ranges, served.cuts = False, [200_000]
    fetch(wanted(served), target, QUICK)
    assert target.read_bytes() == served.body
    assert "starting over" in capsys.readouterr().out


def test_a_server_that_ignores_range_and_always_breaks_ends_the_download(
    served: Served, target: Path
) -> None:
    served.ranges, served.cuts = False, [200_000] * 99
    with pytest.raises(ModelFetchFailed):
        fetch(wanted(served), target, QUICK)
    assert len(served.seen) < 8


@pytest.mark.parametrize("etags", [('"one"', '"two"'), ('W/"one"', 'W/"two"')])
def test_a_changed_file_starts_over(
    served: Served, target: Path, etags: tuple[str, str], tmp_path: Path
) -> None:
    served.etag, served.cuts = etags[0], [400_000, 0, 0, 0]
    with pytest.raises(ModelFetchFailed):
        fetch(wanted(served, pinned=False), target, QUICK)
    served.body = write_model(tmp_path / "new.gguf", vocabulary=4000, seed=1).read_bytes()
    served.etag = etags[1]
    fetch(wanted(served, pinned=False), target, QUICK)
    assert target.read_bytes() == served.body
    # A weak ETag may not stand in If-Range: the 206 shows the change, and all is requested again.
    assert ("If-Range" in served.seen[-1]) == (not etags[0].startswith("W/"))


def test_a_part_of_another_url_or_of_unknown_origin_is_not_trusted(
    served: Served, target: Path
) -> None:
    target.parent.mkdir()
    target.with_name("m.gguf.part").write_bytes(b"?" * 1000)
    fetch(wanted(served), target, QUICK)
    assert served.ranges_asked() == [""]
    target.unlink()
    target.with_name("m.gguf.part").write_bytes(b"?" * 1000)
    target.with_name("m.gguf.part.json").write_text(json.dumps({"url": "http://other/m.gguf"}))
    fetch(wanted(served), target, QUICK)
    assert target.read_bytes() == served.body


def test_status_416_finishes_a_complete_part(served: Served, target: Path) -> None:
    url = wanted(served).url
    target.parent.mkdir()
    target.with_name("m.gguf.part").write_bytes(served.body)
    note = {"url": url, "etag": '"one"', "total": len(served.body)}
    target.with_name("m.gguf.part.json").write_text(json.dumps(note))
    fetch(wanted(served), target, QUICK)
    assert served.ranges_asked() == [f"bytes={len(served.body)}-"]
    assert target.read_bytes() == served.body


def test_a_part_longer_than_the_file_starts_over(served: Served, target: Path) -> None:
    target.parent.mkdir()
    target.with_name("m.gguf.part").write_bytes(served.body + b"more")
    note = {"url": wanted(served).url, "etag": '"one"', "total": len(served.body)}
    target.with_name("m.gguf.part.json").write_text(json.dumps(note))
    fetch(wanted(served), target, QUICK)
    assert served.ranges_asked() == [f"bytes={len(served.body) + 4}-", ""]
    assert target.read_bytes() == served.body


def test_a_file_with_a_wrong_checksum_is_removed_and_both_are_shown(
    served: Served, target: Path
) -> None:
    want = wanted(served)
    served.body = served.body[:-1] + bytes([served.body[-1] ^ 1])
    with pytest.raises(ModelInvalid) as caught:
        fetch(want, target, QUICK)
    assert want.sha256 in caught.value.why
    assert hashlib.sha256(served.body).hexdigest() in caught.value.why
    assert left(target) == []


def test_a_web_page_instead_of_the_model_is_refused(served: Served, target: Path) -> None:
    want = wanted(served)
    served.body = b"<html>please log in</html>"
    with pytest.raises(NothingCame) as caught:
        fetch(want, target, QUICK)
    assert "26 bytes instead of" in caught.value.why
    with pytest.raises(ModelInvalid) as invalid:
        fetch(wanted(served, pinned=False), target, QUICK)
    assert "web page" in invalid.value.why
    assert want.url in invalid.value.what
    assert left(target) == []


def test_status_404_and_403_end_the_download(served: Served, target: Path) -> None:
    served.statuses = [404, 403]
    with pytest.raises(ModelMissing) as caught:
        fetch(wanted(served), target, QUICK)
    assert "404" in caught.value.why
    with pytest.raises(NothingCame) as denied:
        fetch(wanted(served), target, QUICK)
    assert "HF_TOKEN" in denied.value.next
    assert len(served.seen) == 2


def test_status_500_is_retried_a_few_times(served: Served, target: Path) -> None:
    served.statuses = [500, 503]
    fetch(wanted(served), target, QUICK)
    assert len(served.seen) == 3
    target.unlink()
    served.statuses = [500] * 9
    with pytest.raises(NothingCame) as caught:
        fetch(wanted(served), target, QUICK)
    assert "500" in caught.value.why
    assert len(served.seen) == 6


def test_an_unreachable_server_is_reported(target: Path) -> None:
    with pytest.raises(NothingCame) as caught:
        fetch(Wanted("http://127.0.0.1:9/m.gguf"), target, QUICK)
    assert caught.value.why.endswith("Connection refused.")
    with pytest.raises(NothingCame) as caught:
        fetch(Wanted("http://no-such-host.invalid/m.gguf"), target, QUICK)
    assert caught.value.why.startswith("Failed to resolve 'no-such-host.invalid'")


def test_a_host_that_does_not_answer_is_given_up_after_the_first_wait(target: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # connects, and never answers
        began = time.monotonic()
        with pytest.raises(NothingCame) as caught:
            fetch(Wanted(f"http://127.0.0.1:{server.getsockname()[1]}/m.gguf"), target, HASTY)
    assert time.monotonic() - began < 1.5
    assert caught.value.why == "no answer within 0.3 s."


def test_a_full_disk_is_reported_before_the_download(
    served: Served, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(NoSpace) as caught:
        fetch(wanted(served), target, QUICK)
    assert "needs 1.2 MB" in caught.value.what
    assert "1.0 MB free" in caught.value.what
    assert left(target) == []


def test_a_cache_folder_that_cannot_be_created_is_reported(served: Served, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        fetch(wanted(served), tmp_path / "file" / "m.gguf", QUICK)
    assert "cannot be written" in caught.value.what


def test_the_token_goes_to_its_host_only(body: bytes, served: Served, target: Path) -> None:
    with serving(Served(body)) as storage:
        served.redirect = storage.url.replace("127.0.0.1", "localhost")
        fetch(wanted(served, token="secret"), target, QUICK)
        assert served.seen[0]["Authorization"] == "Bearer secret"
        assert "Authorization" not in storage.seen[0]
    assert target.read_bytes() == body


def test_two_at_once_fetch_once(served: Served, target: Path) -> None:
    served.rate = 3_000_000
    both = [threading.Thread(target=fetch, args=(wanted(served), target, QUICK)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(served.seen) == 1
    assert target.read_bytes() == served.body


PROGRAM = """
import sys
from pathlib import Path
from scripts.model.fetch import Wanted, fetch
fetch(Wanted(sys.argv[1], sys.argv[2], int(sys.argv[3])), Path(sys.argv[4]))
"""


def start(want: Wanted, target: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, want.url, want.sha256, str(want.bytes), str(target)],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_bytes(path: Path, count: int) -> None:
    deadline = time.monotonic() + 10
    while not path.exists() or path.stat().st_size < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_process_leaves_the_part_and_the_next_one_continues(
    served: Served, target: Path, how: signal.Signals
) -> None:
    served.rate = 400_000
    child = start(wanted(served), target)
    part = target.with_name("m.gguf.part")
    wait_for_bytes(part, 65_536)
    child.send_signal(how)
    _, err = child.communicate(timeout=10)
    assert child.returncode != 0
    assert how == signal.SIGKILL or "KeyboardInterrupt" in err
    assert left(target) == ["m.gguf.part", "m.gguf.part.json"]
    kept = part.stat().st_size
    served.rate = 0
    fetch(wanted(served), target, QUICK)
    assert served.ranges_asked() == ["", f"bytes={kept}-"]
    assert target.read_bytes() == served.body


def test_two_processes_at_once_fetch_once(served: Served, target: Path) -> None:
    served.rate = 2_000_000
    both = [start(wanted(served), target) for _ in range(2)]
    assert [one.communicate(timeout=20)[1] for one in both] == ["", ""]
    assert [one.returncode for one in both] == [0, 0]
    assert len(served.seen) == 1
    assert target.read_bytes() == served.body


def test_the_cause_of_an_error_is_the_innermost_one() -> None:
    assert cause(ValueError(OSError("deep."))) == "deep."


@pytest.mark.parametrize(
    ("code", "tries"), [(socket.EAI_NONAME, 1), (socket.EAI_AGAIN, Patience.unreached)]
)
def test_an_unknown_host_is_asked_once(
    target: Path, monkeypatch: pytest.MonkeyPatch, code: int, tries: int
) -> None:
    asked: list[str] = []

    def lookup(host: str, *_: object) -> None:
        asked.append(host)
        raise socket.gaierror(code, "the resolver's words")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(NothingCame) as caught:
        fetch(Wanted("http://models.example/m.gguf"), target, QUICK)
    assert asked == ["models.example"] * tries
    assert "the resolver's words" in caught.value.why


def test_a_range_that_comes_as_200_is_what_was_missing(served: Served, target: Path) -> None:
    served.slices, served.cuts = True, [200_000]
    fetch(wanted(served), target, QUICK)
    assert target.read_bytes() == served.body
    assert len(served.seen) == 2


def test_without_a_validator_a_200_is_not_taken_for_the_rest(served: Served, target: Path) -> None:
    served.slices, served.cuts, served.etag = True, [200_000], ""
    with pytest.raises(NothingCame):
        fetch(wanted(served), target, QUICK)
    assert target.with_name("m.gguf.part").stat().st_size > 100_000, "what came is kept"


@pytest.mark.parametrize("total", [True, False])
def test_status_416_without_a_size_finishes_a_complete_part(
    served: Served, target: Path, total: bool
) -> None:
    served.sizes = False
    target.parent.mkdir()
    target.with_name("m.gguf.part").write_bytes(served.body)
    note = {"url": wanted(served).url, "total": len(served.body) if total else None}
    target.with_name("m.gguf.part.json").write_text(json.dumps(note))
    fetch(wanted(served), target, QUICK)
    assert served.ranges_asked() == [f"bytes={len(served.body)}-"]
    assert target.read_bytes() == served.body


def test_a_cut_without_a_length_is_continued(served: Served, target: Path) -> None:
    served.length, served.cuts = False, [200_000]
    fetch(wanted(served), target, QUICK)
    assert served.ranges_asked()[1].startswith("bytes=")
    assert target.read_bytes() == served.body


def test_a_compressed_file_that_was_cut_starts_over(served: Served, target: Path) -> None:
    served.gzip, served.cuts = True, [20_000]
    fetch(wanted(served), target, QUICK)
    assert served.ranges_asked() == ["", ""]
    assert target.read_bytes() == served.body


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("7", 7.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("soon", 0.0),
        ("", 0.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(text: str, wish: float) -> None:
    assert seconds(text, 60.0) == wish


def test_a_date_in_retry_after_is_waited_for(served: Served, target: Path) -> None:
    served.statuses = [429]
    served.headers = {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=2))}
    began = time.monotonic()
    fetch(wanted(served), target, dataclasses.replace(QUICK, longest_pause=5.0))
    assert time.monotonic() - began > 0.9


def test_a_gated_model_is_not_answered_with_the_token_that_was_sent(
    served: Served, target: Path
) -> None:
    served.statuses = [403]
    served.headers = {"X-Error-Message": "Access to model o/r is restricted."}
    with pytest.raises(NothingCame) as caught:
        fetch(wanted(served, token="secret"), target, QUICK)
    assert "Access to model o/r is restricted." in caught.value.why
    assert "set HF_TOKEN" not in caught.value.next
    assert "terms" in caught.value.next


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_the_bundle_of_this_machine_is_trusted(
    body: bytes, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server, or a proxy that reads TLS, whose authority only the machine's bundle has."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    key, bundle = tmp_path / "key.pem", tmp_path / "ca.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext"
    argv = ["openssl", *words.split(), "subjectAltName=IP:127.0.0.1"]
    commands.check([*argv, "-keyout", str(key), "-out", str(bundle)])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(bundle, key)
    with serving(Served(body), tls) as served:
        with pytest.raises(NothingCame):
            fetch(wanted(served), target, QUICK)
        fetch(dataclasses.replace(wanted(served), ca_bundle=bundle), target, QUICK)
    assert target.read_bytes() == body
