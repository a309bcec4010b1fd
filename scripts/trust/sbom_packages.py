"""Reads an SBOM (SPDX) and says what OSV has to be asked about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

#: The name in OSV of the ecosystem of each kind of package that is looked up.
ECOSYSTEMS = {"npm": "npm", "pypi": "PyPI", "deb": "Debian"}


@dataclass(frozen=True, order=True)
class Package:
    """A package as OSV knows it: Debian's by the source package, which has the advisories."""

    ecosystem: str
    name: str
    version: str

    def query(self, page: str = "") -> dict[str, Any]:
        """One query of `/v1/querybatch`."""
        package = {"ecosystem": self.ecosystem, "name": self.name}
        return {"package": package, "version": self.version} | (
            {"page_token": page} if page else {}
        )


def packages(document: Any) -> tuple[list[Package], int]:
    """The packages to ask about, each once, and how many others the SBOM has.

    Raises `ValueError` for what is not an SPDX document with packages.
    """
    rows = document.get("packages") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not rows or "spdxVersion" not in document:
        raise ValueError("it is not an SPDX document with packages")
    found = [_package(row) for row in rows]
    return sorted({one for one in found if one}), found.count(None)


def _package(row: Any) -> Package | None:
    """The first of a row's package URLs that can be looked up."""
    references = row.get("externalRefs") if isinstance(row, dict) else None
    for reference in references if isinstance(references, list) else []:
        locator = reference.get("referenceLocator") if isinstance(reference, dict) else None
        if isinstance(locator, str) and (found := from_purl(locator)):
            return found
    return None


def from_purl(purl: str) -> Package | None:
    """The package of a package URL; None for a kind that is not looked up, or without version."""
    head, _, tail = purl.partition("#")[0].partition("?")
    scheme, _, rest = head.partition(":")
    kind, _, path = rest.partition("/")
    path, _, version = path.rpartition("@")
    if scheme != "pkg" or kind not in ECOSYSTEMS or not path or not version:
        return None
    name, version = unquote(path), unquote(version)
    if kind != "deb":
        return Package(ECOSYSTEMS[kind], name, version)
    qualifiers = {key: values[0] for key, values in parse_qs(tail).items()}
    vendor, _, release = qualifiers.get("distro", "").partition("-")
    if not name.startswith("debian/") or vendor != "debian" or not release:
        return None
    # The source package, with its version where that is another one.
    source, _, its = qualifiers.get("upstream", name.removeprefix("debian/")).partition("@")
    return Package(f"Debian:{release.partition('.')[0]}", source, its or version)
