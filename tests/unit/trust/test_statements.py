from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from scripts.trust import statements
from scripts.trust.cosign_argv import PREDICATES, PROVENANCE, SBOM, SIGNATURE
from scripts.trust.verify import at

DIGEST = "sha256:" + "a" * 64


def claim(kind: str, digest: str = DIGEST) -> dict[str, Any]:
    return {"critical": {"image": {"docker-manifest-digest": digest}, "type": kind}}


def line(statement: Any) -> str:
    return json.dumps({"payload": base64.b64encode(json.dumps(statement).encode()).decode()})


def statement(kind: str, digest: str, predicate: Any) -> dict[str, Any]:
    subject = [{"digest": {"sha256": digest.removeprefix("sha256:")}}]
    return {"predicateType": PREDICATES[kind], "subject": subject, "predicate": predicate}


def test_an_attestation_alone_is_no_signature() -> None:
    only = json.dumps([claim(PREDICATES[SBOM])])
    assert statements.signed_digest(only) == (DIGEST, False)
    both = json.dumps([claim(PREDICATES[SBOM]), claim(SIGNATURE)])
    assert statements.signed_digest(both) == (DIGEST, True)


@pytest.mark.parametrize(
    "out",
    [
        *("", "x", "[]", "{}", "[1]", "null", json.dumps([{"critical": 1}])),
        json.dumps([claim(SIGNATURE, "sha256:short")]),
        json.dumps([claim(SIGNATURE), claim(SIGNATURE, "sha256:" + "b" * 64)]),
    ],
)
def test_what_cannot_be_read_is_not_signed(out: str) -> None:
    assert statements.signed_digest(out) == ("", False)


def test_only_a_statement_of_this_kind_about_this_digest_counts() -> None:
    good = statement(SBOM, DIGEST, {"spdxVersion": "SPDX-2.3"})
    others = [
        statement(SBOM, "sha256:" + "b" * 64, {}),
        statement(PROVENANCE, DIGEST, {}),
        statement(SBOM, DIGEST, "text"),
        {**good, "subject": [1]},
        {**good, "subject": None},
        ["a list"],
    ]
    lines = [*map(line, others), "no json", "[]", '{"payload": "?"}']
    assert statements.predicates("\n".join(lines), SBOM, DIGEST) == []
    assert statements.predicates("\n".join([*lines, line(good)]), SBOM, DIGEST) == [
        good["predicate"]
    ]


@pytest.mark.parametrize("kind", [SBOM, PROVENANCE])
@pytest.mark.parametrize("empty", [{}, {"packages": []}, {"packages": 1}, {"buildDefinition": 1}])
def test_a_statement_that_says_nothing_has_no_summary(kind: str, empty: dict[str, Any]) -> None:
    assert statements.summary(kind, empty) == ""


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("name:1", "name@D"),
        ("host:5000/name", "host:5000/name@D"),
        ("host:5000/a/name:1", "host:5000/a/name@D"),
        ("host/name:1@sha256:x", "host/name@D"),
    ],
)
def test_a_digest_takes_the_place_of_the_tag(reference: str, expected: str) -> None:
    assert at(reference, "D") == expected
