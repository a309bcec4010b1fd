"""The tags of an image: those that a build gives it in the engine, those that `publish` pushes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scripts.application import semantic_version
from scripts.application.revision import DIRTY
from scripts.application.semantic_version import SemanticVersion
from scripts.backends.variants import DEFAULT
from scripts.shared.errors import UsageError

#: What Docker takes as a tag (distribution's reference grammar).
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")

#: Hexadecimal digits of a commit in a tag.
SHORT = 12


@dataclass(frozen=True)
class Published:
    """Tags without the repository: `fixed` name one digest for ever, `moving` the newest one."""

    fixed: tuple[str, ...]
    moving: tuple[str, ...] = ()


def local(image: str, version: str, variant: str) -> tuple[str, ...]:
    """`image:latest` and `image:VERSION`, with the variant's suffix.

    A tag for each commit would keep every image that was ever built on the disk.
    """
    suffix = _suffix(variant)
    return (f"{image}:latest{suffix}", f"{image}:{_parse(version).tag()}{suffix}")


def published(version: str, variant: str, commit: str) -> Published:
    """The tags of a release, with the variant's suffix.

    Version and short commit name this very image. MAJOR.MINOR, MAJOR and `latest` move on, but not
    to a prerelease. A commit whose files were changed has no tag.
    """
    parsed, suffix = _parse(version), _suffix(variant)
    fixed = [parsed.tag()]
    if commit and not commit.endswith(DIRTY):
        fixed.append(commit[:SHORT])
    moving = () if parsed.prerelease else (f"{parsed.major}.{parsed.minor}", parsed.major, "latest")
    return Published(tuple(t + suffix for t in fixed), tuple(t + suffix for t in moving))


def is_newer(there: str, version: str) -> bool:
    """Whether `there`, the version that a moving tag names now, is newer than `version`.

    An image without a version that can be read, such as another project's, is not.
    """
    parsed = semantic_version.parse(there)
    return parsed is not None and parsed.precedence() > _parse(version).precedence()


def check(version: str, variant: str, variants: tuple[str, ...]) -> None:
    """Refuse a version whose tag is too long, or reads like another version of a variant."""
    parsed = _parse(version)
    if not TAG.fullmatch(parsed.tag() + _suffix(variant)):
        raise UsageError(
            f"Version {version!r} cannot be the tag of an image.",
            why=f"With the variant's suffix {_suffix(variant)!r} it is longer than 128 characters.",
            next="Shorten it in the application's package.json.",
        )
    for name in variants:
        if name != DEFAULT and parsed.tag().endswith(_suffix(name)):
            plain = parsed.tag().removesuffix(_suffix(name))
            raise UsageError(
                f"Version {version!r} cannot be the tag of an image.",
                why=f"It is the tag of version {plain} in the variant {name}.",
                next="Choose another prerelease name in the application's package.json.",
            )


def _parse(version: str) -> SemanticVersion:
    parsed = semantic_version.parse(version)
    if parsed is None:
        raise UsageError(f"{version!r} is not a semantic version.")
    return parsed


def _suffix(variant: str) -> str:
    return "" if variant == DEFAULT else f"-{variant}"
