"""Real git, on repositories in folders, under configurations and environments that users have."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from scripts.application.revision import Revision, of
from scripts.shared import commands
from tests.unit.application.test_git_checkout import WHEN, Origin


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "origin")


def test_the_commit_of_a_folder_and_its_time(origin: Origin) -> None:
    commit = origin.commit(app__one="1")
    assert of(origin.folder / "app") == Revision(commit, WHEN)


def test_a_signed_commit_is_read_where_git_shows_signatures(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = origin.commit(one="1")
    # A signature that cannot be checked: git prints what it thinks of it before the commit.
    signed = origin.git("cat-file", "commit", commit).replace(
        "\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n", 1
    )
    argv = ["git", "-C", str(origin.folder), "hash-object", "-t", "commit", "-w", "--stdin"]
    commit = commands.check(argv, stdin=signed + "\n")
    origin.git("update-ref", "HEAD", commit)
    origin.git("config", "log.showSignature", "true")
    assert of(origin.folder) == Revision(commit, WHEN)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("log.showRoot", "false"),
        ("log.mailmap", "true"),
        ("log.date", "relative"),
        ("color.ui", "always"),
        ("core.quotePath", "true"),
        ("status.showUntrackedFiles", "all"),
        ("status.branch", "true"),
        ("status.short", "true"),
        ("core.abbrev", "4"),
    ],
)
def test_configuration_does_not_change_the_commit(origin: Origin, name: str, value: str) -> None:
    commit = origin.commit(one="1")
    origin.git("config", name, value)
    assert of(origin.folder) == Revision(commit, WHEN)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GIT_DIR", "{other}/.git"),
        ("GIT_WORK_TREE", "{other}"),
        ("GIT_INDEX_FILE", "{other}/.git/index"),
        ("GIT_COMMON_DIR", "{other}/.git"),
        ("GIT_CEILING_DIRECTORIES", "{folder}"),
        ("GIT_NAMESPACE", "other"),
    ],
)
def test_the_environment_of_a_hook_does_not_name_another_repository(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    other = Origin(tmp_path / "other")
    other.commit(other="2")
    commit = origin.commit(app__one="1")
    monkeypatch.setenv(name, value.format(other=other.folder, folder=origin.folder))
    assert of(origin.folder / "app") == Revision(commit, WHEN)


def test_a_replaced_commit_keeps_its_name_and_time(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = origin.commit(one="1")
    commit = origin.commit(one="2")
    later = origin.git("cat-file", "commit", commit).replace(WHEN, "1800000000")
    argv = ["git", "-C", str(origin.folder), "hash-object", "-t", "commit", "-w", "--stdin"]
    origin.git("replace", commit, commands.check(argv, stdin=later + "\n"))
    assert first != commit
    assert of(origin.folder) == Revision(commit, WHEN)


@pytest.mark.parametrize("change", ["tracked", "staged", "removed", "new file in the folder"])
def test_changed_files_make_the_commit_dirty(origin: Origin, change: str) -> None:
    commit = origin.commit(app__one="1", docker__two="2")
    if change == "tracked":
        (origin.folder / "docker/two").write_text("3")
    elif change == "staged":
        (origin.folder / "docker/two").write_text("3")
        origin.git("add", "--all")
    elif change == "removed":
        (origin.folder / "app/one").unlink()
        (origin.folder / "app/kept").write_text("")  # or git removes the empty folder's entry
        (origin.folder / ".git/info/exclude").write_text("kept\n")
    else:
        (origin.folder / "app/three").write_text("3")
    assert of(origin.folder / "app") == Revision(f"{commit}-dirty", WHEN)


def test_ignored_files_and_new_files_elsewhere_do_not_make_it_dirty(origin: Origin) -> None:
    commit = origin.commit(app__one="1", **{".gitignore": "distjs\n"})
    (origin.folder / "app/distjs").mkdir()
    (origin.folder / "app/distjs/index.js").write_text("3")
    (origin.folder / "notes").write_text("3")
    assert of(origin.folder / "app") == Revision(commit, WHEN)


def test_other_modes_and_times_do_not_make_it_dirty(origin: Origin) -> None:
    commit = origin.commit(app__one="1")
    (origin.folder / "app/one").chmod(0o600)
    os.utime(origin.folder / "app/one", (1, 1))
    assert of(origin.folder / "app") == Revision(commit, WHEN)


def test_a_folder_inside_another_repository_does_not_get_its_commit(origin: Origin) -> None:
    origin.commit(one="1")
    (origin.folder / "unpacked").mkdir()
    (origin.folder / "unpacked/package.json").write_text("{}")
    found = of(origin.folder / "unpacked")
    assert found.commit == found.epoch == ""
    assert "not part of the git repository around it" in found.unknown


def test_a_folder_without_git_has_a_reason(tmp_path: Path) -> None:
    assert of(tmp_path) == Revision(unknown=f"{tmp_path} is not in a git repository")


def test_a_repository_without_a_commit_has_a_reason(origin: Origin) -> None:
    assert "has no commit yet" in of(origin.folder).unknown


def test_a_missing_git_has_a_reason(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.commit(one="1")
    env = shutil.which("env")
    assert env
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/env").symlink_to(env)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert of(origin.folder) == Revision(unknown="git is not installed")


def test_a_checkout_of_another_owner_has_a_reason_and_a_remedy(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.commit(app__one="1")
    # git's own switch for this test (t0033-safe-directory.sh).
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    found = of(origin.folder / "app")
    assert found.commit == ""
    assert f"--add safe.directory '{origin.folder}'" in found.unknown
