from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.model import place as placing
from scripts.model.stage import stage, staged_name
from scripts.shared import disk_space as space
from scripts.shared.errors import ModelInvalid, NoSpace, UsageError
from scripts.shared.paths import REPOSITORY
from tests.unit.gguf_files import write_model

NOBODY = 65534


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return tmp_path / "build" / "context" / "model"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny.gguf")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on another file system, where no link from here reaches."""
    other = Path("/dev/shm")  # noqa: S108
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system at /dev/shm")
    monkeypatch.setattr(space, "MARGIN", 0)  # it is small on some machines, 64 MiB in containers
    with tempfile.TemporaryDirectory(dir=other) as folder:
        yield Path(folder)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_the_context_holds_the_model_and_its_manifest(model: Path, context: Path) -> None:
    staged = stage(model, context, source="here")
    assert names(context) == ["manifest.txt", "tiny.gguf"]
    assert names(context.parent) == [".model.lock", "model", "model.json"]
    assert staged.path == context / "tiny.gguf"
    assert (staged.name, staged.source, staged.size) == ("tiny.gguf", "here", model.stat().st_size)
    assert staged.sha256 == sha256(model) == sha256(staged.path)
    line = f"{staged.sha256}  {staged.size}  tiny.gguf\n"
    assert (context / "manifest.txt").read_text() == line
    assert staged.how in ("reflink", "link")
    assert {entry.stat().st_mode & 0o777 for entry in context.iterdir()} == {0o644}


def test_an_unchanged_model_is_kept_and_not_hashed(
    model: Path, context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stage(model, context)
    monkeypatch.setattr(hashlib, "sha256", None)
    again = stage(model, context)
    assert again.how == "kept"
    assert again.sha256 == first.sha256
    assert again.path.stat().st_ino == first.path.stat().st_ino


def test_a_changed_source_or_a_changed_copy_is_staged_again(model: Path, context: Path) -> None:
    stage(model, context)
    write_model(model, seed=1)
    assert stage(model, context).sha256 == sha256(model)
    model.chmod(0o600)
    staged = stage(model, context)
    assert staged.how == "kept"  # the mode of a link is its file's own ...
    staged.path.unlink()
    assert stage(model, context).how != "link"  # ... so other modes are never linked
    with staged.path.open("ab") as file:
        file.write(b"more")
    assert stage(model, context).sha256 == sha256(model) == sha256(staged.path)
    (context.parent / "model.json").write_text("{ half a rec")
    assert stage(model, context).how != "kept"


def test_a_copy_to_another_file_system(model: Path, elsewhere: Path) -> None:
    staged = stage(model, elsewhere / "context" / "model")
    assert staged.how == "copy"
    assert sha256(staged.path) == staged.sha256 == sha256(model)
    assert staged.path.stat().st_mode & 0o777 == 0o644


def test_a_reflink_is_whole_or_leaves_nothing(tmp_path: Path) -> None:
    """Which of the two depends on the file system: btrfs and XFS share blocks, ext4 does not."""
    source, target = write_model(tmp_path / "a.gguf"), tmp_path / "b.gguf"
    if placing._reflink(source, target):
        assert target.read_bytes() == source.read_bytes()
        assert target.stat().st_ino != source.stat().st_ino
    else:
        assert not target.exists()


def test_another_model_replaces_the_first_and_leftovers_go(
    model: Path, context: Path, tmp_path: Path
) -> None:
    stage(model, context)
    (context / "half.gguf.part").write_text("half")
    context.with_name(".model.part").write_text("half")
    stage(write_model(tmp_path / "second.gguf", seed=2), context)
    assert names(context) == ["manifest.txt", "second.gguf"]
    assert names(context.parent) == [".model.lock", "model", "model.json"]


def test_the_old_model_stays_until_the_new_one_is_good(
    model: Path, context: Path, tmp_path: Path
) -> None:
    stage(model, context)
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(model.read_bytes()[:-5000])
    with pytest.raises(ModelInvalid) as caught:
        stage(bad, context)
    assert "truncated" in caught.value.why
    with pytest.raises(ModelInvalid) as caught:
        stage(write_model(tmp_path / "second.gguf", seed=2), context, sha256="0" * 64)
    assert "expected " + "0" * 64 in caught.value.why
    assert names(context) == ["manifest.txt", "tiny.gguf"]
    assert not context.with_name(".model.part").exists()
    assert stage(model, context).how == "kept"


def test_a_known_sum_is_compared_with_the_kept_file_too(model: Path, context: Path) -> None:
    stage(model, context)
    with pytest.raises(ModelInvalid):
        stage(model, context, sha256="0" * 64)
    assert stage(model, context, sha256=sha256(model)).how == "kept"


def test_a_symbolic_link_is_followed_and_keeps_its_name(
    model: Path, context: Path, tmp_path: Path
) -> None:
    blob = model.rename(tmp_path / "0123abcd")
    link = tmp_path / "Named.gguf"
    link.symlink_to(blob)
    staged = stage(link, context)
    assert staged.name == "Named.gguf"
    assert not staged.path.is_symlink()


def test_names_are_made_plain() -> None:
    assert staged_name(Path("/x/a b (1).GGUF")) == "a-b-1.gguf"
    assert staged_name(Path("-rf\n.gguf")) == "rf.gguf"
    assert staged_name(Path("0123abcd")) == "0123abcd.gguf"
    assert staged_name(Path("модель.gguf")) == "model.gguf"
    assert staged_name(Path("SmolLM2-135M-Instruct.Q4_1.gguf")) == "SmolLM2-135M-Instruct.Q4_1.gguf"


def test_no_space_for_a_copy(model: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = elsewhere / "context" / "model"
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(NoSpace) as caught:
        stage(model, context)
    assert "1.0 kB free" in caught.value.what
    assert names(context) == []
    assert not context.with_name(".model.part").exists()


def test_a_file_system_that_fills_up(model: Path, context: Path) -> None:
    """ENOSPC itself: /dev/full has no room for any byte."""
    with pytest.raises(NoSpace) as caught, space.report_full(model.parent, "tiny.gguf"):
        Path("/dev/full").write_bytes(model.read_bytes())
    assert "became full while writing tiny.gguf" in caught.value.what


def test_a_folder_in_the_context_is_left_alone(model: Path, context: Path) -> None:
    (context / "mine").mkdir(parents=True)
    with pytest.raises(UsageError) as caught:
        stage(model, context)
    assert "mine" in caught.value.what


STAGE = """
import os, sys
from pathlib import Path
from scripts.shared.errors import PipelineError
from scripts.model.source import Places, choose
from scripts.model.stage import stage
if len(sys.argv) > 3:
    os.setgroups([])
    os.setgid(int(sys.argv[3]))
    os.setuid(int(sys.argv[3]))
try:
    found = choose(sys.argv[1], Places.of(Path("/nowhere"), {}, Path("/nowhere")))
    stage(found.path, Path(sys.argv[2]))
except PipelineError as error:
    sys.exit(error.message() + f" [{error.exit_code}]")
"""


def run(model: Path, context: Path, *uid: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", STAGE, str(model), str(context), *uid],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def nobody() -> str:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    return str(NOBODY)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that other users may enter (pytest's own are private)."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_no_permission_to_read_the_model(nobody: str, public: Path) -> None:
    model = write_model(public / "m.gguf")
    model.chmod(0o600)
    _, err = run(model, public / "context", nobody).communicate(timeout=20)
    assert f"error: {model} cannot be read." in err
    assert "chmod a+r" in err
    assert "[11]" in err
    public.chmod(0o700)
    _, err = run(model, public / "context", nobody).communicate(timeout=20)
    assert "Permission denied" in err
    assert "[11]" in err


def test_no_permission_to_write_the_context(nobody: str, public: Path) -> None:
    model = write_model(public / "m.gguf")
    _, err = run(model, public / "build" / "context", nobody).communicate(timeout=20)
    assert "cannot be written" in err
    assert "[2]" in err


def test_another_users_model_is_staged_as_well(nobody: str, public: Path) -> None:
    """`fs.protected_hardlinks` forbids a link to it: it is copied."""
    model = write_model(public / "m.gguf")
    context = public / "build" / "model"
    context.parent.mkdir()
    os.chown(context.parent, NOBODY, NOBODY)
    _, err = run(model, context, nobody).communicate(timeout=20)
    assert err == ""
    assert names(context) == ["m.gguf", "manifest.txt"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_copy_leaves_no_half_model(
    model: Path, context: Path, elsewhere: Path, how: signal.Signals
) -> None:
    stage(model, context)
    large = write_model(elsewhere / "large.gguf", seed=3)
    with large.open("r+b") as file:  # a hole after the tensors: long to copy, quick to make
        file.truncate(600_000_000)
    child = run(large, context)
    unfinished = context.with_name(".model.part")
    deadline = time.monotonic() + 20
    while not unfinished.exists() or unfinished.stat().st_size < 4_000_000:
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.002)
    child.send_signal(how)
    child.communicate(timeout=20)
    assert child.returncode != 0
    assert names(context) == ["manifest.txt", "tiny.gguf"]
    assert unfinished.exists() == (how == signal.SIGKILL)
    assert stage(model, context).how == "kept"
    assert not unfinished.exists()


def test_two_processes_stage_one_after_the_other(model: Path, context: Path) -> None:
    both = [run(model, context) for _ in range(2)]
    assert [one.communicate(timeout=20)[1] for one in both] == ["", ""]
    assert names(context) == ["manifest.txt", "tiny.gguf"]
    record = json.loads(context.with_name("model.json").read_text())
    assert record["sha256"] == sha256(model)
