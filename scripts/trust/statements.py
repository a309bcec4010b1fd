"""Reads what cosign has verified: of which image it is, and what it says."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from scripts.trust.cosign_argv import PREDICATES, SBOM, SIGNATURE

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def signed_digest(out: str) -> tuple[str, bool]:
    """The digest that cosign verified, and whether a signature is among what was signed about it.

    To cosign an attestation is a signed statement too, so a good answer alone says little.
    """
    try:
        claims = [claim["critical"] for claim in json.loads(out or "[]")]
        digests = {claim["image"]["docker-manifest-digest"] for claim in claims}
        signed = any(claim["type"] == SIGNATURE for claim in claims)
    except (ValueError, KeyError, TypeError):
        return "", False
    digest = digests.pop() if len(digests) == 1 else ""
    return (digest, signed) if DIGEST.fullmatch(str(digest)) else ("", False)


def predicates(out: str, kind: str, digest: str) -> list[dict[str, Any]]:
    """What the verified statements of a kind say about this very digest."""
    return [
        statement["predicate"]
        for statement in map(_statement, out.splitlines())
        if statement.get("predicateType") == PREDICATES[kind]
        and isinstance(statement.get("predicate"), dict)
        and _is_about(statement, digest)
    ]


def summary(kind: str, predicate: dict[str, Any]) -> str:
    """What a statement says, in a few words; empty where it says nothing of use."""
    try:
        if kind == SBOM:
            count = len(predicate["packages"])
            return f"{predicate['spdxVersion']}, {count} packages" if count else ""
        parts = predicate["buildDefinition"].get("resolvedDependencies", [])  # none may be left out
        return f"built by {predicate['runDetails']['builder']['id']}, from {len(parts)} parts"
    except (KeyError, TypeError, AttributeError):
        return ""


def _statement(line: str) -> dict[str, Any]:
    try:
        found: Any = json.loads(base64.b64decode(json.loads(line)["payload"], validate=True))
    except (ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_about(statement: dict[str, Any], digest: str) -> bool:
    try:
        return any(
            f"sha256:{subject['digest']['sha256']}" == digest for subject in statement["subject"]
        )
    except (KeyError, TypeError):
        return False
