"""Signing and verifying against a real registry on loopback, with the real cosign and syft."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.shared import commands
from scripts.shared.errors import NotTrusted, TrustUnavailable
from scripts.trust import attach, cosign_argv
from scripts.trust.cosign_argv import PROVENANCE, SBOM, Signer
from scripts.trust.verify import verify
from tests.containers import free_port
from tests.image import registry, signing
from tests.image.registry import Registry

REPOSITORY = "mentator/trust"
IMAGE = {
    "variant": "cpu",
    "application": {"name": "mentator-llm-service", "version": "1.0.0", "commit": "a" * 40},
    "bases": {"source": "packages", "debian": "debian stand-in sha256:" + "d" * 64},
}


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{signing.programs()}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("COSIGN_PASSWORD", "")


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Registry]:
    with registry.running(tmp_path / "registry") as running:
        yield running


def make_key(folder: Path, name: str) -> Path:
    commands.check(["cosign", "generate-key-pair", "--output-key-prefix", name], cwd=folder)
    return folder / f"{name}.key"


def public(key: Path) -> Signer:
    return Signer(key=str(key.with_suffix(".pub")))


def test_a_signed_image_is_good_by_tag_and_by_digest_and_keeps_its_digest(
    target: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = make_key(tmp_path, "ours")
    digest = signing.push(target.host, REPOSITORY, "1.0.0", "one")
    pinned = f"{target.host}/{REPOSITORY}@{digest}"
    attach.attach(pinned, IMAGE, str(key))
    assert target.digest(REPOSITORY, "1.0.0") == digest
    for reference in (pinned, f"{target.host}/{REPOSITORY}:1.0.0"):
        capsys.readouterr()
        verify(reference, public(key))
        shown = capsys.readouterr().out
        assert digest in shown
        assert shown.count("good") == 3
        assert "SPDX-2.3, 1 packages" in shown
        assert "from 2 parts" in shown


@pytest.mark.parametrize("missing", ["SBOM", "provenance", "signature"])
def test_what_is_missing_is_named(
    target: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    key = make_key(tmp_path, "ours")
    digest = signing.push(target.host, REPOSITORY, "1.0.0", "one")
    pinned = f"{target.host}/{REPOSITORY}@{digest}"
    texts = {
        SBOM: {"spdxVersion": "SPDX-2.3", "packages": [{}]},
        PROVENANCE: {
            "buildDefinition": {"resolvedDependencies": [{"name": "a part"}]},
            "runDetails": {"builder": {"id": "x"}},
        },
    }
    for kind, name in ((SBOM, "SBOM"), (PROVENANCE, "provenance")):
        if name != missing:
            file = tmp_path / "predicate.json"
            file.write_text(json.dumps(texts[kind]), encoding="utf-8")
            commands.check(cosign_argv.attest("cosign", str(key), pinned, kind, file))
    if missing != "signature":
        commands.check(cosign_argv.sign("cosign", str(key), pinned))
    with pytest.raises(NotTrusted) as caught:
        verify(pinned, public(key))
    assert f"no {missing} by" in caught.value.what
    assert capsys.readouterr().out.count("good") == 2


def test_the_signature_of_another_key_is_not_accepted(target: Registry, tmp_path: Path) -> None:
    theirs, ours = make_key(tmp_path, "theirs"), make_key(tmp_path, "ours")
    digest = signing.push(target.host, REPOSITORY, "1.0.0", "one")
    pinned = f"{target.host}/{REPOSITORY}@{digest}"
    attach.attach(pinned, IMAGE, str(theirs))
    with pytest.raises(NotTrusted, match="no signature, no SBOM, no provenance"):
        verify(pinned, public(ours))
    verify(pinned, public(theirs))


def test_a_tag_that_was_moved_after_signing_is_not_trusted(
    target: Registry, tmp_path: Path
) -> None:
    key = make_key(tmp_path, "ours")
    digest = signing.push(target.host, REPOSITORY, "1.0.0", "one")
    attach.attach(f"{target.host}/{REPOSITORY}@{digest}", IMAGE, str(key))
    assert signing.push(target.host, REPOSITORY, "1.0.0", "another") != digest
    with pytest.raises(NotTrusted):
        verify(f"{target.host}/{REPOSITORY}:1.0.0", public(key))


def test_a_registry_that_is_away_and_an_image_that_is_not_there_say_so(
    target: Registry, tmp_path: Path
) -> None:
    key = make_key(tmp_path, "ours")
    away = f"localhost:{free_port()}/{REPOSITORY}:1.0.0"
    with pytest.raises(TrustUnavailable, match="does not answer"):
        verify(away, public(key))
    with pytest.raises(TrustUnavailable, match="does not answer"):
        attach.attach(f"{away.rpartition(':')[0]}@sha256:{'0' * 64}", IMAGE, str(key))
    with pytest.raises(TrustUnavailable, match="There is no image"):
        verify(f"{target.host}/{REPOSITORY}:9.9.9", public(key))


def test_a_wrong_password_of_the_key_is_an_error_that_names_its_variable(
    target: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "right")
    key = make_key(tmp_path, "ours")
    monkeypatch.setenv("COSIGN_PASSWORD", "wrong")
    digest = signing.push(target.host, REPOSITORY, "1.0.0", "one")
    with pytest.raises(TrustUnavailable) as caught:
        attach.attach(f"{target.host}/{REPOSITORY}@{digest}", IMAGE, str(key))
    assert "COSIGN_PASSWORD" in caught.value.next
