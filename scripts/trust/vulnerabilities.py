"""Looks up the packages of an SBOM in a database of vulnerabilities."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from scripts.shared.console import say
from scripts.shared.errors import NotLookedUp, UsageError, Vulnerable
from scripts.trust import sbom_packages
from scripts.trust.advisories import fixed_in, is_critical
from scripts.trust.osv_client import Osv
from scripts.trust.sbom_packages import Package

#: Bytes of an SBOM: the universal image's has some ten million.
LIMIT = 256 << 20

#: Advisories that are asked for at once.
AT_ONCE = 8


def look_up(path: Path, address: str) -> None:
    """Print a row for each critical vulnerability and a count of all.

    Raises `Vulnerable` where one has a fix, `NotLookedUp`, and `UsageError` for an SBOM or an
    address that cannot be used.
    """
    _require_address(address)
    packages, others = _read(path)
    if not packages:
        raise NotLookedUp(
            "Vulnerabilities were not looked up: nothing is known about this image.",
            why=f"None of the {others} packages in {path} is one of Debian, npm or PyPI.",
        )
    database = Osv(address)
    found = database.find(packages)
    names = sorted(set().union(*found.values()))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        advisories = dict(zip(names, pool.map(database.advisory, names), strict=True))
    rated = {name: is_critical(advisory) for name, advisory in advisories.items()}
    fixable = 0
    for package, its in sorted(found.items()):
        for name in sorted(its):
            if rated[name]:
                fixes = fixed_in(advisories[name], package)
                fixable += bool(fixes)
                say(_row(package, name, fixes))
    critical = [name for name in names if rated[name]]
    unrated = [name for name in names if rated[name] is None]
    say(f"looked up {len(packages)} packages; {others} of the SBOM are of no known ecosystem")
    say(f"{len(names)} advisories: {len(critical)} critical, {len(unrated)} without a rating")
    if fixable:
        raise Vulnerable(
            f"{fixable} critical vulnerabilities have a fix.",
            next="Take the fixed versions of the packages above, and build again.",
        )


def _require_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(f"{address!r} is no address of a database: http:// or https:// is needed.")


def _row(package: Package, name: str, fixes: list[str]) -> str:
    fix = f"fixed in {', '.join(fixes[:3])}" if fixes else "no fix yet"
    text = f"critical  {name}  {package.ecosystem} {package.name} {package.version}  {fix}"
    # From a file and a server that may be anybody's: no control characters on a terminal.
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:300]


def _read(path: Path) -> tuple[list[Package], int]:
    try:
        if not path.is_file():
            raise ValueError("there is no such file")
        if path.stat().st_size > LIMIT:
            raise ValueError(f"it is larger than {LIMIT >> 20} MiB")
        return sbom_packages.packages(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} cannot be read as an SBOM.",
            why=str(error)[:300],
            next="Name a file with SPDX as JSON, as docs/trust.md shows it.",
        ) from None
