from __future__ import annotations

from typing import Any

import pytest

from scripts.shared.errors import UsageError
from scripts.trust import cosign_argv, provenance
from scripts.trust.cosign_argv import GITHUB, Signer
from scripts.trust.verify_task import require_reference, signer

PINS = {"node24": {"npm": {"npm": {"version": "11.0.0", "integrity": "sha512-x"}}}}


def record(**more: Any) -> dict[str, Any]:
    return {
        "variant": "cpu",
        "node": "24",
        "application": {"name": "app", "version": "1.0.0", "commit": "a" * 40, "source": ""},
        "bases": {"source": "packages", "debian": "debian stand-in sha256:" + "d" * 64},
        "model": {"setting": "", "name": "m.gguf", "sha256": "e" * 64},
        "revision": "b" * 40 + "-dirty",
        **more,
    }


def test_what_the_build_is_made_of_is_named_with_digests() -> None:
    found = provenance.predicate(record(), PINS, {})["buildDefinition"]["resolvedDependencies"]
    assert found == [
        {"name": "pipeline", "annotations": {"commit": "b" * 40 + "-dirty"}},
        {"name": "application", "digest": {"gitCommit": "a" * 40}},
        {"name": "base debian: debian stand-in", "digest": {"sha256": "d" * 64}},
        {"uri": "pkg:npm/npm@11.0.0", "annotations": {"integrity": "sha512-x"}},
        {"name": "model m.gguf", "digest": {"sha256": "e" * 64}},
    ]


def test_a_base_image_of_a_registry_is_named_by_its_reference() -> None:
    bases = {"source": "registry", "debian": "docker.io/library/debian@sha256:" + "d" * 64}
    made = provenance.predicate(record(bases=bases), PINS, {})
    names = [part.get("name") for part in made["buildDefinition"]["resolvedDependencies"]]
    assert "base debian: docker.io/library/debian" in names
    assert len(names) == 4


def test_the_builder_is_the_workflow_of_a_github_job_or_local() -> None:
    assert provenance.predicate(record(), {}, {})["runDetails"] == {
        "builder": {"id": provenance.LOCAL},
        "metadata": {},
    }
    job = {
        "GITHUB_SERVER_URL": "https://git.example",
        "GITHUB_WORKFLOW_REF": "o/r/.github/workflows/ci.yaml@refs/tags/v1",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_RUN_ID": "7",
    }
    assert provenance.predicate(record(), {}, job)["runDetails"] == {
        "builder": {"id": "https://git.example/o/r/.github/workflows/ci.yaml@refs/tags/v1"},
        "metadata": {"invocationId": "https://git.example/o/r/actions/runs/7/attempts/1"},
    }


def test_a_key_uses_no_log_and_keyless_signing_does() -> None:
    assert "--tlog-upload=false" in cosign_argv.sign("cosign", "k", "r")
    assert cosign_argv.sign("cosign", "keyless", "r") == ["cosign", "sign", "--yes", "r"]
    options = Signer(identity="a|b").options()
    assert options[:2] == ["--certificate-identity-regexp", "^(?:a|b)$"]
    assert options[2:] == ["--certificate-oidc-issuer", GITHUB]


@pytest.mark.parametrize(("key", "identity"), [("", ""), ("k", "i"), ("/not/there", "")])
def test_verify_needs_one_signer_that_can_be_read(key: str, identity: str) -> None:
    with pytest.raises(UsageError):
        signer(key, identity, GITHUB)


@pytest.mark.parametrize("reference", ["", "--key", "a b", "a\nb", "é", "a" * 600])
def test_what_is_no_reference_is_refused(reference: str) -> None:
    with pytest.raises(UsageError):
        require_reference(reference)
