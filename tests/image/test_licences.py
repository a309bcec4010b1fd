"""The licence texts of what the image holds outside of its packages."""

from __future__ import annotations

from typing import Any

from scripts.docker_engine import Engine
from scripts.shared import commands

LICENCES = "/opt/mentator/licences"

#: Prints each library that was copied out of a package, and its licence's file or MISSING. What is
#: named libggml-* is llama.cpp's, whose package in node_modules has its licence.
SCRIPT = """
for folder in /opt/mentator/backends/*/; do
    backend=$(basename "$folder")
    for path in "$folder"lib*.so*; do
        library=$(basename "$path")
        case $library in libggml-*) continue ;; esac
        if [ -s "$1/$backend/LICENSE" ]; then
            echo "$backend $library $1/$backend/LICENSE"
            continue
        fi
        package=$(sed -n "s/^$library \\([^ ]*\\) .*/\\1/p" "$1/$backend/packages.txt" | head -n 1)
        text=$1/$backend/$package/copyright
        if [ -n "$package" ] && [ -s "$text" ]; then :; else text=MISSING; fi
        echo "$backend $library $text"
    done
done
"""


def run(engine: Engine, image: dict[str, Any], *words: str) -> str:
    return commands.check(
        engine.argv("run", "--rm", "--network", "none", "--entrypoint", "sh", image["digest"])
        + list(words)
    )


def test_each_copied_library_has_its_licence_text(engine: Engine, image: dict[str, Any]) -> None:
    rows = [
        line.split()
        for line in run(engine, image, "-c", SCRIPT, "sh", LICENCES).splitlines()
        if "*" not in line
    ]
    assert [row for row in rows if row[2] == "MISSING"] == []
    found = {row[0] for row in rows}
    wanted = {"cpu": set(), "cuda": {"cuda12", "cuda13"}, "rocm": {"rocm"}, "vulkan": {"vulkan"}}
    wanted["universal"] = set().union(*wanted.values())
    assert found == wanted[image["variant"]]


def test_node_has_its_licence_text(engine: Engine, image: dict[str, Any]) -> None:
    text = run(engine, image, "-c", f"cat {LICENCES}/node/LICENSE")
    assert "Permission is hereby granted" in text
    assert "Node.js" in text
