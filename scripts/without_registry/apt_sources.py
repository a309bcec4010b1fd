"""Reads apt's sources, in both of their formats, to find the host's own Debian archive."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_ONE_LINE = re.compile(
    r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<rest>.*)"
)


@dataclass(frozen=True)
class Source:
    """One entry: where its packages come from; `signed_by` is a path, a key, or empty."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


def read(files: Mapping[str, str]) -> list[Source]:
    """The enabled binary entries of source files, given by name (`*.sources`, `*.list`)."""
    found: list[Source] = []
    for name, text in files.items():
        found += _deb822(text) if name.endswith(".sources") else _one_line(text)
    return found


def main_archive(sources: Iterable[Source], codename: str) -> Source | None:
    """The entry of the release's own archive; None where only others are configured."""
    names = {codename, "stable"}
    return next((s for s in sources if names & set(s.suites) and "main" in s.components), None)


def testing_stanza(archive: Source) -> str:
    """The same archive's testing suite, as a deb822 stanza."""
    lines = [
        "Types: deb",
        f"URIs: {' '.join(archive.uris)}",
        "Suites: testing",
        "Components: main",
    ]
    lines += [f"Signed-By: {archive.signed_by}"] if archive.signed_by else []
    return "\n".join(lines) + "\n"


def _deb822(text: str) -> list[Source]:
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    stanzas = [_fields(stanza) for stanza in re.split(r"\n\s*\n", lines) if stanza.strip()]
    return [
        Source(
            uris=tuple(fields.get("uris", "").split()),
            suites=tuple(fields.get("suites", "").split()),
            components=tuple(fields.get("components", "").split()),
            signed_by=fields.get("signed-by", ""),
        )
        for fields in stanzas
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes") != "no"
    ]


def _fields(stanza: str) -> dict[str, str]:
    """Field names in lower case; a value keeps its continuation lines (keys can be inline)."""
    fields: dict[str, str] = {}
    last = ""
    for line in stanza.splitlines():
        if line[:1] in (" ", "\t") and last:
            fields[last] += f"\n{line}"
        elif ":" in line:
            last, _, value = line.partition(":")
            last = last.strip().lower()
            fields[last] = value.strip()
    return fields


def _one_line(text: str) -> list[Source]:
    found = []
    for line in text.splitlines():
        match = _ONE_LINE.match(line.strip())
        if match is None:
            continue
        options = dict(re.findall(r"(\S+?)=(\S+)", match["options"] or ""))
        components = tuple(match["rest"].split("#")[0].split())
        key = options.get("signed-by", "")
        found.append(Source((match["uri"],), (match["suite"],), components, key))
    return found
