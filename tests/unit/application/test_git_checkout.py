"""Real git, on repositories in folders."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.application import git_checkout, git_reference
from scripts.application.git_checkout import Checkout
from scripts.shared import commands
from scripts.shared.errors import ApplicationMissing
from scripts.shared.paths import REPOSITORY

AUTHOR = {
    f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}
WHEN = "1700000000"


class Origin:
    """A repository to fetch from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"{WHEN} +0000")
        argv = ["git", "-C", str(self.folder), *arguments]
        return commands.check(argv, env={**AUTHOR, **dates})

    def commit(self, **files: str) -> str:
        """Write files (`a__b` is a/b), commit them; the commit."""
        for name, text in files.items():
            path = self.folder / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "files")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "origin.git")


@pytest.fixture
def fetch(origin: Origin, tmp_path: Path) -> Callable[[str], Checkout]:
    def do(fragment: str = "") -> Checkout:
        reference = git_reference.parse(f"file://{origin.folder}{fragment}")
        assert reference is not None
        return git_checkout.fetch(reference, tmp_path / "cache")

    return do


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_default_branch_is_fetched_without_history(
    origin: Origin, fetch: Callable[..., Checkout]
) -> None:
    origin.commit(one="1")
    commit = origin.commit(two="2")
    found = fetch()
    assert names(found.path) == ["one", "two"]
    assert found.revision.commit == commit
    assert found.revision.epoch == WHEN
    assert found.revision.source == f"file://{origin.folder}"
    count = ["git", "--git-dir", str(found.path.parent / "git"), "rev-list", "--count", "HEAD"]
    assert commands.check(count) == "1"


def test_branch_tag_and_commit_are_told_apart(
    origin: Origin, fetch: Callable[..., Checkout]
) -> None:
    first = origin.commit(one="1")
    origin.git("tag", "--annotate", "--message", "a tag", "v1")
    second = origin.commit(one="2")
    origin.git("branch", "feature/v1")
    third = origin.commit(one="3")
    for fragment, commit in (("#v1", first), ("#feature/v1", second), ("#main", third)):
        assert fetch(fragment).revision.commit == commit
    assert fetch(f"#{second}").path.joinpath("one").read_text() == "2"


def test_a_moved_branch_is_fetched_again_and_the_old_commit_is_kept(
    origin: Origin, fetch: Callable[..., Checkout]
) -> None:
    origin.commit(one="1")
    before = fetch("#main")
    stamp = before.path.stat().st_ino
    assert fetch("#main").path.stat().st_ino == stamp
    origin.commit(one="2")
    assert fetch("#main").path.joinpath("one").read_text() == "2"
    assert before.path.joinpath("one").read_text() == "1"


def test_a_folder_of_the_repository(origin: Origin, fetch: Callable[..., Checkout]) -> None:
    origin.commit(apps__one__file="1", other="2")
    assert names(fetch("#main:apps/one").path) == ["file"]
    with pytest.raises(ApplicationMissing) as caught:
        fetch("#main:apps/two")
    assert "no folder apps/two" in caught.value.what
    assert "apps/" in caught.value.why


def test_a_link_does_not_lead_out_of_the_repository(
    origin: Origin, fetch: Callable[..., Checkout]
) -> None:
    (origin.folder / "out").symlink_to("/etc")
    origin.commit(one="1")
    with pytest.raises(ApplicationMissing, match="no folder out"):
        fetch("#main:out")


def test_files_keep_their_modes_and_line_ends(
    origin: Origin, fetch: Callable[..., Checkout]
) -> None:
    (origin.folder / "run").touch(0o755)
    origin.commit(text="a\r\nb\n")
    tree = fetch().path
    assert tree.joinpath("run").stat().st_mode & stat.S_IXUSR
    assert tree.joinpath("text").read_bytes() == b"a\r\nb\n"


def test_a_reference_that_is_not_there_names_those_that_are(
    origin: Origin, fetch: Callable[..., Checkout]
) -> None:
    commit = origin.commit(one="1")
    origin.git("tag", "v1")
    with pytest.raises(ApplicationMissing) as caught:
        fetch("#v2")
    assert "has no reference v2" in caught.value.what
    assert "main" in caught.value.why
    assert "v1" in caught.value.why
    with pytest.raises(ApplicationMissing) as caught:
        fetch(f"#{commit[:10]}")
    assert "all of its digits" in caught.value.why
    with pytest.raises(ApplicationMissing, match="cannot be fetched"):
        fetch(f"#{'0' * 40}")


def test_an_address_without_a_repository_is_reported(
    tmp_path: Path, fetch: Callable[..., Checkout]
) -> None:
    reference = git_reference.parse(f"file://{tmp_path}/nowhere.git")
    assert reference is not None
    with pytest.raises(ApplicationMissing) as caught:
        git_checkout.fetch(reference, tmp_path / "cache")
    assert "No git repository answers" in caught.value.what
    assert "nowhere.git" in caught.value.why
    with pytest.raises(ApplicationMissing) as caught:
        fetch()  # a repository without a commit
    assert "no commit yet" in caught.value.why


@pytest.mark.parametrize(
    "setting", ["core.autocrlf true", "core.eol crlf", "core.attributesFile {attributes}"]
)
def test_a_users_configuration_does_not_change_the_files(
    origin: Origin,
    fetch: Callable[..., Checkout],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
) -> None:
    origin.commit(**{".gitattributes": "one text\n", "one": "a\nb\n"})
    (tmp_path / "attributes").write_text("* text eol=crlf\n")
    name, value = setting.format(attributes=tmp_path / "attributes").split()
    configuration = tmp_path / "gitconfig"
    commands.check(["git", "config", "--file", str(configuration), name, value])
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
    assert (fetch().path / "one").read_bytes() == b"a\nb\n"


@pytest.mark.parametrize("value", ["GIT_DEFAULT_HASH=sha256", "GIT_DIR=/nowhere"])
def test_gits_environment_does_not_stop_a_fetch(
    origin: Origin, fetch: Callable[..., Checkout], monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    commit = origin.commit(one="1")
    monkeypatch.setenv(*value.split("=", 1))
    assert fetch().revision.commit == commit


def test_missing_git_is_reported(
    fetch: Callable[..., Checkout], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "env").symlink_to("/usr/bin/env")
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(ApplicationMissing) as caught:
        fetch()
    assert caught.value.why == "git is not installed."


def test_a_failed_fetch_leaves_nothing_half(
    origin: Origin, fetch: Callable[..., Checkout], tmp_path: Path
) -> None:
    origin.commit(one="1")
    with pytest.raises(ApplicationMissing):
        fetch(f"#{'0' * 40}")
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == [".lock"]


FETCH = """
import sys
from pathlib import Path
from scripts.application import git_checkout, git_reference
print(git_checkout.fetch(git_reference.parse(sys.argv[1]), Path(sys.argv[2])).path, flush=True)
"""

#: Stands before git on the PATH: says that it fetches, and goes on forever.
HANG = """#!/bin/sh
case " $* " in
    *' fetch '*) touch "$FETCHING"; exec sleep 600 ;;
    *) exec {git} "$@" ;;
esac
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_while_it_fetches_and_run_again(
    origin: Origin, fetch: Callable[..., Checkout], tmp_path: Path, how: signal.Signals
) -> None:
    commit = origin.commit(one="1")
    tools = tmp_path / "tools"
    tools.mkdir()
    real = commands.check(["sh", "-c", "command -v git"])
    (tools / "git").write_text(HANG.replace("{git}", real))
    (tools / "git").chmod(0o755)
    fetching = tmp_path / "fetching"
    path = f"{tools}:{os.environ['PATH']}"
    argv = [sys.executable, "-c", FETCH, f"file://{origin.folder}", str(tmp_path / "cache")]
    with subprocess.Popen(
        argv,
        cwd=REPOSITORY,
        env={**os.environ, "PATH": path, "FETCHING": str(fetching)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        while not fetching.exists() and process.poll() is None:
            time.sleep(0.05)
        os.killpg(process.pid, how)
    assert process.returncode != 0
    cache = tmp_path / "cache" / "applications"
    assert not list(cache.glob(f"*/{commit}"))
    assert names(fetch().path) == ["one"]
    assert not list(cache.glob("*/.part"))
