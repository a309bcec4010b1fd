from __future__ import annotations

import pytest

from scripts.application.git_reference import GitReference, parse
from scripts.shared.errors import UsageError


@pytest.mark.parametrize(
    ("text", "remote", "ref", "folder"),
    [
        ("https://host/x.git", "https://host/x.git", "", ""),
        ("https://host/x.git#main", "https://host/x.git", "main", ""),
        ("https://host/x.git#v1.0:apps/one", "https://host/x.git", "v1.0", "apps/one"),
        ("https://host/x.git#:apps/one", "https://host/x.git", "", "apps/one"),
        ("git@host:group/x.git#feature/a", "git@host:group/x.git", "feature/a", ""),
        ("ssh://git@host:2222/x", "ssh://git@host:2222/x", "", ""),
        ("git://host/x", "git://host/x", "", ""),
        ("file:///some/where/x.git#main", "file:///some/where/x.git", "main", ""),
    ],
)
def test_what_buildx_takes_for_a_git_context(text: str, remote: str, ref: str, folder: str) -> None:
    assert parse(text) == GitReference(remote, ref, folder)


@pytest.mark.parametrize("text", ["", ".", "service", "/some/where", "../x.git", "a#b", "a:b"])
def test_a_folder_is_not_a_git_reference(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://host/page", "is not a git reference"),
        ("ftp://host/x.git", "is not a git reference"),
        ("ext::sh -c id", None),
        ("https://host/x.git#--upload-pack=id", "'--upload-pack=id' is not a git reference"),
        ("https://host/x.git#a b", "'a b' is not a git reference"),
        ("https://host/x.git#main:../other", "is not a folder of the repository"),
        ("https://host/x.git#main:/etc", "is not a folder of the repository"),
    ],
)
def test_what_cannot_be_used_is_refused(text: str, words: str | None) -> None:
    if words is None:  # git would run a command for it: never its business
        assert parse(text) is None
        return
    with pytest.raises(UsageError, match=words):
        parse(text)


def test_credentials_are_not_shown() -> None:
    reference = parse("https://me:secret@host/x.git#main")
    assert reference is not None
    assert reference.shown == "https://host/x.git"
    with pytest.raises(UsageError) as caught:
        parse("https://me:secret@host/page")
    assert "secret" not in caught.value.message()
