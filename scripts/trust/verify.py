"""Verifies signature, SBOM and provenance of an image in a registry."""

from __future__ import annotations

from scripts.shared import commands
from scripts.shared.console import say
from scripts.shared.errors import NotTrusted
from scripts.trust import cosign_argv, signing_programs, statements
from scripts.trust.cosign_argv import PROVENANCE, SBOM, Signer

NAMES = {SBOM: "SBOM", PROVENANCE: "provenance"}


def verify(reference: str, signer: Signer) -> None:
    """Print a row for each of the three. Raises `NotTrusted`, `TrustUnavailable`.

    A tag is looked up once; all three must be of the digest that it named then.
    """
    program = signing_programs.cosign()
    asked = commands.capture(cosign_argv.verify(program, signer, reference))
    signing_programs.require_answer(reference, asked)
    digest, signed = statements.signed_digest(asked.out) if asked.code == 0 else ("", False)
    rows = {"signature": digest if signed else ""}
    for kind, name in NAMES.items():
        rows[name] = _attested(program, signer, at(reference, digest), kind, digest)
    say(f"{'digest':<12}{digest or 'unknown: nothing is signed by this key'}")
    for name, found in rows.items():
        say(f"{name:<12}{'good' if found else 'MISSING'}  {found}".rstrip())
    missing = [name for name, found in rows.items() if not found]
    if missing:
        raise NotTrusted(
            f"{reference} cannot be trusted: no {', no '.join(missing)} by this signer.",
            why="It was never attached, or by another key, or the tag was moved since.",
            next="Do not run it. Ask its publisher for the digest and the key.",
        )


def at(reference: str, digest: str) -> str:
    """The same repository with a digest instead of a tag."""
    repository = reference.partition("@")[0]
    head, slash, last = repository.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}@{digest}"


def _attested(program: str, signer: Signer, reference: str, kind: str, digest: str) -> str:
    """What the first statement of a kind says; empty where there is none by this signer."""
    if not digest:
        return ""
    asked = commands.capture(cosign_argv.verify_attestation(program, signer, reference, kind))
    if asked.code != 0:
        signing_programs.require_answer(reference, asked)
        return ""
    found = statements.predicates(asked.out, kind, digest)
    return next(filter(None, (statements.summary(kind, one) for one in found)), "")
