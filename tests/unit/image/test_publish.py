from __future__ import annotations

from typing import Any

import pytest

from scripts.image.publish import (
    read_answer,
    read_version,
    refuse_replacement,
    require_digests,
    require_tested,
    target,
)
from scripts.image.push_errors import explain, registry_of
from scripts.shared.commands import Result
from scripts.shared.errors import LoginMissing, NotTested, PipelineError, PublishFailed

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    "results", [{"cpu": "passed"}, {"cpu": "passed", "cuda": "skipped", "rocm": "passed"}]
)
def test_a_tested_digest_can_be_published(results: dict[str, str]) -> None:
    require_tested(DIGEST, {"digest": DIGEST, "results": results})


@pytest.mark.parametrize(
    ("smoke", "words"),
    [
        ({}, "about nothing"),
        ({"digest": "sha256:b", "results": {"cpu": "passed"}}, "about sha256:b"),
        ({"digest": DIGEST}, "smoke_cpu has no result"),
        ({"digest": DIGEST, "results": []}, "smoke_cpu has no result"),
        ({"digest": DIGEST, "results": {"cuda": "passed"}}, "smoke_cpu has no result"),
        ({"digest": DIGEST, "results": {"cpu": "skipped"}}, "smoke_cpu has no result"),
        ({"digest": DIGEST, "results": {"cpu": "failed"}}, "Failed: cpu."),
        ({"digest": DIGEST, "results": {"cpu": "passed", "cuda": "failed"}}, "Failed: cuda."),
    ],
)
def test_an_untested_digest_cannot_be_published(smoke: dict[str, Any], words: str) -> None:
    with pytest.raises(NotTested) as caught:
        require_tested(DIGEST, smoke)
    assert words in caught.value.why


@pytest.mark.parametrize(
    ("registry", "reference"),
    [
        ("", "me/app:1"),
        ("docker.io", "me/app:1"),
        ("ghcr.io", "ghcr.io/me/app:1"),
        ("localhost:5000/", "localhost:5000/me/app:1"),
    ],
)
def test_the_reference_to_push(registry: str, reference: str) -> None:
    assert target("me/app:1", registry) == reference


@pytest.mark.parametrize(
    ("reference", "registry"),
    [
        ("me/app:1", "docker.io"),
        ("app:1", "docker.io"),
        ("ghcr.io/me/app:1", "ghcr.io"),
        ("localhost/app", "localhost"),
        ("far:5000/app:1", "far:5000"),
    ],
)
def test_the_registry_of_a_reference(reference: str, registry: str) -> None:
    assert registry_of(reference) == registry


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        # What docker push printed, by registry.
        ("denied: requested access to the resource is denied", LoginMissing),
        ("unauthorized: authentication required", LoginMissing),
        ("no basic auth credentials", LoginMissing),
        (
            "push access denied, repository does not exist or may require authorization: "
            "server message: insufficient_scope: authorization failed",
            LoginMissing,
        ),
        ("denied: permission_denied: write_package", PublishFailed),
        (
            "error parsing HTTP 403 response body: invalid character '<' looking for beginning "
            "of value",
            PublishFailed,
        ),
    ],
)
def test_a_push_error_names_the_registry(text: str, kind: type[PipelineError]) -> None:
    error = explain("ghcr.io/me/app:1", f"The push refers to repository [x]\n{text}\n")
    assert type(error) is kind
    assert "ghcr.io" in error.what
    assert "was interrupted" not in error.what
    assert error.why == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "write tcp 10.0.0.2:443: connection reset by peer",
        "failed to copy: sha256:1403aa: unexpected EOF",
        "received unexpected HTTP status: 503 Service Unavailable",
    ],
)
def test_an_interrupted_push_can_be_repeated(text: str) -> None:
    error = explain("me/app:1", text)
    assert isinstance(error, PublishFailed)
    assert "was interrupted" in error.what
    assert error.why == (text or "no message")


def test_an_unreachable_registry_is_reported() -> None:
    error = explain("me/app:1", "Get https://far/v2/: dial tcp: lookup far: no such host")
    assert isinstance(error, PublishFailed)
    assert error.what == "The registry docker.io does not answer."


@pytest.mark.parametrize("there", ["", DIGEST])
def test_a_tag_that_is_not_there_or_the_same_is_pushed(there: str) -> None:
    refuse_replacement("ghcr.io/me/app:1.0.0", DIGEST, there)


def test_a_published_tag_keeps_its_digest() -> None:
    with pytest.raises(PublishFailed, match=r"app:1\.0\.0 is published already") as caught:
        refuse_replacement("ghcr.io/me/app:1.0.0", DIGEST, "sha256:b")
    assert "sha256:b" in caught.value.why
    assert "--replace" in caught.value.next


def test_what_a_registry_shows_is_read() -> None:
    assert read_answer("far/app:1", Result((), 0, f'"{DIGEST}"\n', "")) == f'"{DIGEST}"'


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ('{"config": {"Labels": {"org.opencontainers.image.version": "1.1.0"}}}', "1.1.0"),
        ('{"config": {"Labels": {"other": "1"}}}', ""),
        ('{"config": {"Labels": null}}', ""),
        ('{"config": {}}', ""),
        ('{"linux/amd64": {"config": {}}, "linux/arm64": {"config": {}}}', ""),
        ("null", ""),
        ("", ""),
        ("no JSON", ""),
    ],
)
def test_the_version_of_a_published_image_is_its_label(image: str, version: str) -> None:
    assert read_version(image) == version


def test_an_engine_that_keeps_no_digests_pushes_nothing() -> None:
    # As engines printed it: containerd's image store, and the one before.
    require_digests(Result((), 0, '[["driver-type","io.containerd.snapshotter.v1"]]', ""))
    with pytest.raises(PublishFailed, match="nothing was pushed") as caught:
        require_digests(Result((), 0, '[["Backing Filesystem","extfs"],["userxattr","false"]]', ""))
    assert "containerd-snapshotter" in caught.value.next


@pytest.mark.parametrize(
    "text",
    [
        # What `docker buildx imagetools inspect` printed.
        "ERROR: localhost:5000/me/app:1.0.0: not found",
        "ERROR: pull access denied, repository does not exist or may require authorization: "
        "server message: insufficient_scope: authorization failed",
        "ERROR: unexpected status from HEAD request to https://ghcr.io/v2/me/app/manifests/1: "
        "403 Forbidden",
    ],
)
def test_what_a_registry_does_not_show_is_not_published(text: str) -> None:
    assert read_answer("far/app:1", Result((), 1, "", text)) == ""


@pytest.mark.parametrize(
    "text",
    [
        "ERROR: failed to do request: Head https://far/v2/: dial tcp: lookup far: no such host",
        'ERROR: error getting credentials - err: exec: "docker-credential-x": executable file '
        "not found in $PATH",
        "ERROR: unexpected status from HEAD request: 503 Service Unavailable",
    ],
)
def test_a_registry_that_cannot_be_asked_is_not_written_to(text: str) -> None:
    with pytest.raises(PublishFailed):
        read_answer("far/app:1", Result((), 1, "", text))


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        (
            "error parsing HTTP 413 response body: invalid character '<'",
            "does not take a layer of this size",
            "client_max_body_size",
        ),
        (
            "failed to copy: unexpected status from PUT request to https://r/v2/: 413 Request "
            "Entity Too Large",
            "does not take a layer of this size",
            "does not help",
        ),
        ("toomanyrequests: You have reached your pull rate limit", "too many requests", "minutes"),
        (
            "unexpected status from POST: 429 Too Many Requests, Retry-After: 120",
            "too many requests",
            "Wait 120 s, then run `./mentator publish` again.",
        ),
        (
            'Get "https://far:5000/v2/": http: server gave HTTP response to HTTPS client',
            "speaks plain http",
            '"insecure-registries": ["far:5000"]',
        ),
        (
            'Get "https://far:5000/v2/": tls: failed to verify certificate: x509: certificate '
            "signed by unknown authority",
            "is not trusted",
            "/etc/docker/certs.d/far:5000/ca.crt",
        ),
        (
            'error getting credentials - err: exec: "docker-credential-desktop": executable '
            "file not found in $PATH, out: ``",
            "keeps the login for far:5000 cannot be run",
            "credsStore",
        ),
    ],
)
def test_each_fault_of_a_registry_has_a_next_step_of_its_own(
    text: str, what: str, hint: str
) -> None:
    error = explain("far:5000/me/app:1", f"The push refers to repository [x]\n{text}\n")
    assert isinstance(error, PublishFailed)
    assert what in error.what
    assert hint in error.next
    assert error.why == text
