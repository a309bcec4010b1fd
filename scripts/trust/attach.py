"""Signs a pushed digest and attaches its SBOM and its provenance."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.bases.pins import PINS
from scripts.image.push_errors import registry_of
from scripts.shared import commands
from scripts.shared.commands import Result
from scripts.shared.console import say
from scripts.shared.errors import TrustUnavailable
from scripts.shared.paths import expand
from scripts.trust import cosign_argv, provenance, signing_programs
from scripts.trust.cosign_argv import KEYLESS

#: The one line where there is no key.
NOT_SIGNED = (
    "not signed, no SBOM and no provenance attached: no key is set "
    "(MENTATOR_SIGN_KEY, docs/trust.md)"
)


def ready(key: str) -> None:
    """Raise `TrustUnavailable` where signing cannot work; called before anything is pushed."""
    if not key:
        return
    signing_programs.cosign()
    signing_programs.find("syft")
    if key != KEYLESS and not (expand(key).is_file() and os.access(expand(key), os.R_OK)):
        raise TrustUnavailable(
            f"The key {key} cannot be read, so nothing was pushed.",
            why="sign_key names a file that is not there, or not this user's.",
            next="Make one with `cosign generate-key-pair`, or set sign_key to its path.",
        )


def attach(reference: str, image: Mapping[str, Any], key: str) -> None:
    """Sign `reference` (with its digest) and attest what is in it and how it was made.

    Provenance and SBOM come first: an image that has the signature has the others. Says in one
    line what was not done where no key is set. Raises `TrustUnavailable`.
    """
    if not key:
        say(NOT_SIGNED)
        return
    program = signing_programs.cosign()
    key = key if key == KEYLESS else str(expand(key))
    with tempfile.TemporaryDirectory(prefix="mentator-trust-") as name:
        sbom, origin = Path(name) / "sbom.spdx.json", Path(name) / "provenance.json"
        argv = cosign_argv.sbom(signing_programs.find("syft"), reference, sbom)
        _require(reference, "SBOM", commands.capture(argv, env=_syft_environment(reference)))
        pins = json.loads(PINS.read_text(encoding="utf-8"))
        text = json.dumps(provenance.predicate(image, pins, os.environ), indent=2)
        origin.write_text(text, encoding="utf-8")
        for what, argv in (
            ("SBOM", cosign_argv.attest(program, key, reference, cosign_argv.SBOM, sbom)),
            (
                "provenance",
                cosign_argv.attest(program, key, reference, cosign_argv.PROVENANCE, origin),
            ),
            ("signature", cosign_argv.sign(program, key, reference)),
        ):
            _require(reference, what, commands.capture(argv))
    say(f"signed {reference}, with SBOM and provenance")


def _syft_environment(reference: str) -> dict[str, str]:
    """Syft asks for no newer version, whose failure would read as the registry's.

    With a registry on this machine it speaks http, as docker and cosign do by themselves.
    """
    host = registry_of(reference).rpartition(":")[0]
    http = host in ("localhost", "127.0.0.1")
    return {
        "SYFT_CHECK_FOR_APP_UPDATE": "false",
        "SYFT_REGISTRY_INSECURE_USE_HTTP": str(http).lower(),
    }


def _require(reference: str, what: str, result: Result) -> None:
    if result.code == 0:
        return
    signing_programs.require_answer(reference, result)
    raise TrustUnavailable(
        f"{reference} is pushed, and its {what} could not be made.",
        why=(result.err or result.out).strip()[-500:],
        next="A key with a password wants it in COSIGN_PASSWORD (empty for one without). "
        "Then publish again: what was pushed is not sent again.",
    )
