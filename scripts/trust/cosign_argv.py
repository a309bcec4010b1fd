"""The commands of cosign 3 and syft, as values; nothing is run here.

A key needs no transparency log: it works without a network, and in a private registry nothing
about the image leaves it. Keyless signing is only worth something with the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: Instead of a key's path: sign with the identity of a CI job.
KEYLESS = "keyless"

#: GitHub's issuer of identities for its jobs.
GITHUB = "https://token.actions.githubusercontent.com"

#: What an in-toto statement says about an image, by its short name for cosign.
PREDICATES = {
    "spdxjson": "https://spdx.dev/Document",
    "slsaprovenance1": "https://slsa.dev/provenance/v1",
}
SBOM, PROVENANCE = PREDICATES

#: The statement that is a signature and nothing else.
SIGNATURE = "https://sigstore.dev/cosign/sign/v1"


@dataclass(frozen=True)
class Signer:
    """Whose signature is accepted: a public key, or the identity of a CI job and its issuer."""

    key: str = ""
    identity: str = ""
    issuer: str = GITHUB

    def options(self) -> list[str]:
        """The options of `cosign verify`; a regular expression has to match the whole identity."""
        if self.key:
            return ["--key", self.key, "--insecure-ignore-tlog=true"]
        whole = ["--certificate-identity-regexp", f"^(?:{self.identity})$"]
        return [*whole, "--certificate-oidc-issuer", self.issuer]


def sign(cosign: str, key: str, reference: str) -> list[str]:
    """Sign a digest."""
    return [cosign, "sign", *_signing(key), reference]


def attest(cosign: str, key: str, reference: str, kind: str, predicate: Path) -> list[str]:
    """Attach a signed statement about a digest."""
    what = ["--type", kind, "--predicate", str(predicate)]
    return [cosign, "attest", *_signing(key), *what, reference]


def verify(cosign: str, signer: Signer, reference: str) -> list[str]:
    """Print what the signer has signed about an image, as JSON."""
    return [cosign, "verify", *signer.options(), "--output", "json", reference]


def verify_attestation(cosign: str, signer: Signer, reference: str, kind: str) -> list[str]:
    """Print the signed statements of a kind about an image, a line of JSON each."""
    return [cosign, "verify-attestation", *signer.options(), "--type", kind, reference]


def sbom(syft: str, reference: str, file: Path) -> list[str]:
    """Write what is in a pushed image, as SPDX."""
    return [syft, "scan", "--output", f"spdx-json={file}", f"registry:{reference}"]


def _signing(key: str) -> list[str]:
    if key == KEYLESS:
        return ["--yes"]
    return ["--yes", "--key", key, "--use-signing-config=false", "--tlog-upload=false"]
