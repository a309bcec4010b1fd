from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from scripts.project.checks import SHELL
from scripts.shared import commands
from scripts.shared.paths import REPOSITORY

#: Where npm puts llama.cpp's prebuilt packages.
PREBUILT = "node_modules/@node-llama-cpp/"

#: Put together here, so that this file does not match itself.
REGISTRIES = "|".join(("n" + "pm", "py" + "pi", "python" + "hosted", "deb" + "ian"))
REGISTRY_HOST = re.compile(rf":/{'/'}[a-z.-]*({REGISTRIES})[a-z.-]*\.(org|com|net)")
#: Ada's home is that of the tests' examples.
PERSONAL = re.compile(r"(?<![\w.])/(?:" + "ho" + r"me|Us" + r"ers)/(?!ada\b)\w+|/wo" + "rk/")


@cache
def files() -> tuple[Path, ...]:
    """Every file that is, or would be, committed; from git, or the tree where it is no clone."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = commands.check(listed, cwd=REPOSITORY).split("\0")
    return tuple(path for name in names if name and (path := REPOSITORY / name).is_file())


def matches(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(REPOSITORY)}: {match[0]}"
        for path in files()
        for match in pattern.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]


def test_no_file_names_a_package_registry() -> None:
    assert REGISTRY_HOST.search("https://registry." + "n" + "pmjs.org/x")
    assert REGISTRY_HOST.search("http://deb." + "deb" + "ian.org/")
    assert matches(REGISTRY_HOST) == []


def test_no_file_names_a_persons_folder() -> None:
    assert PERSONAL.search("/ho" + "me/grace/mentator")
    assert matches(PERSONAL) == []


def test_no_file_is_large_or_a_model() -> None:
    assert [str(path) for path in files() if path.stat().st_size > 1_000_000] == []
    assert [str(path) for path in files() if path.suffix == ".gguf"] == []


def test_npms_lock_names_no_address_and_sums_every_package_of_an_image() -> None:
    locks = [path for path in files() if path.name == "package-lock.json"]
    assert locks
    for path in locks:
        packages = json.loads(path.read_text(encoding="utf-8"))["packages"]
        assert [place for place, entry in packages.items() if "resolved" in entry] == []
        unused = {
            place.removeprefix(PREBUILT) for place in packages if place.startswith(PREBUILT)
        } - {"linux-x64", "linux-x64-cuda", "linux-x64-cuda-ext", "linux-x64-vulkan"}
        unsummed = [
            place
            for place, entry in packages.items()
            if place
            and not entry.get("link")
            and "integrity" not in entry
            # Other platforms' prebuilts are pruned before anything is fetched.
            and place.removeprefix(PREBUILT) not in unused
        ]
        assert unsummed == []


@pytest.mark.parametrize(
    "path",
    [
        *REPOSITORY.glob("requirements/*.txt"),
        *REPOSITORY.glob("docker/backends/*.txt"),
        *REPOSITORY.glob("tests/programs/*.txt"),
    ],
)
def test_every_python_requirement_is_pinned_and_has_a_hash(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    entries = re.split(r"^(?=[A-Za-z0-9])", text.replace("\\\n", " "), flags=re.MULTILINE)
    named = [entry for entry in entries if re.match(r"[A-Za-z0-9]", entry)]
    assert named
    for entry in named:
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]


def test_every_shell_script_is_checked() -> None:
    scripts = [
        path for path in files() if path.read_bytes()[:20].splitlines()[:1] == [b"#!/bin/sh"]
    ]
    assert {str(path.relative_to(REPOSITORY)) for path in scripts} == set(SHELL)
