"""Versions as npm has them: Semantic Versioning 2.0.0 (semver.org), nothing looser."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: semver.org's own expression.
VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?",
    re.ASCII,
)


@dataclass(frozen=True)
class SemanticVersion:
    """`major.minor.patch-prerelease+build`; the last two are empty where there are none."""

    major: str
    minor: str
    patch: str
    prerelease: str = ""
    build: str = ""

    def tag(self) -> str:
        """The version as a tag of an image, which cannot hold `+`.

        `_` takes its place, as in Helm's charts: with `-` a build of 1.0.0 would be named like a
        prerelease of it.
        """
        text = f"{self.major}.{self.minor}.{self.patch}"
        text += f"-{self.prerelease}" if self.prerelease else ""
        return text + (f"_{self.build}" if self.build else "")

    def precedence(self) -> tuple[object, ...]:
        """A key that sorts as semver.org's section 11 says: no prerelease last, no build."""
        parts = self.prerelease.split(".") if self.prerelease else []
        words = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
        return (int(self.major), int(self.minor), int(self.patch), not parts, words)


def parse(text: str) -> SemanticVersion | None:
    """The version in `text`; None where it is none."""
    match = VERSION.fullmatch(text)
    return SemanticVersion(*(part or "" for part in match.groups())) if match else None
