"""The tasks `verify` and `vulnerabilities`."""

from __future__ import annotations

import os
import re

from scripts.shared.edge import task
from scripts.shared.errors import UsageError
from scripts.shared.paths import expand
from scripts.shared.settings import Loaded
from scripts.trust.cosign_argv import GITHUB, Signer

#: The public database of vulnerabilities of all ecosystems.
OSV = "https://api.osv.dev"


@task(
    lenient=True,
    reference="the image in its registry, best with its digest",
    key="the publisher's public key (cosign.pub)",
    identity="instead of a key: the workflow that signed, as a regular expression",
    issuer=f"who vouches for the identity (default: {GITHUB})",
)
def verify(
    _: Loaded, reference: str, key: str = "", identity: str = "", issuer: str = GITHUB
) -> None:
    """Check signature, SBOM and provenance of an image in a registry."""
    from scripts.trust import verify as verb

    verb.verify(require_reference(reference), signer(key, identity, issuer))


@task(
    lenient=True,
    sbom="the image's SBOM: SPDX as JSON",
    osv=f"the database's address, of OSV's interface (default: {OSV})",
)
def vulnerabilities(_: Loaded, sbom: str, osv: str = OSV) -> None:
    """Look up an SBOM's packages in OSV; fail for a critical vulnerability that has a fix."""
    from scripts.trust import vulnerabilities as verb

    verb.look_up(expand(sbom), osv)


def require_reference(reference: str) -> str:
    """Raise `UsageError` for what cannot be a reference to an image."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/@\-]{0,500}", reference):
        raise UsageError(
            f"{reference!r} is no reference to an image.",
            next="Write it as docker does: REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:...",
        )
    return reference


def signer(key: str, identity: str, issuer: str) -> Signer:
    """Whose signature is accepted. Raises `UsageError` unless exactly one way is given."""
    if bool(key) == bool(identity):
        raise UsageError(
            "verify needs either --key or --identity.",
            why="A signature says something only where it is known whose it must be.",
            next="--key cosign.pub, or --identity with the address of the workflow that signs.",
        )
    if not key:
        return Signer(identity=identity, issuer=issuer)
    path = expand(key).resolve()
    if not path.is_file() or not os.access(path, os.R_OK):
        raise UsageError(f"The key {key} is not a file that can be read.")
    return Signer(key=str(path))
