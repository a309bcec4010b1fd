"""What a mode needs beside its row of the table of backends, a sentence for each missing part."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from scripts.backends.compiled import argument
from scripts.backends.table import Mode


def missing(mode: Mode, root: Path, flags: set[str]) -> list[str]:
    """What to do before a mode is complete in the checkout `root`; empty where it is.

    `flags` are those of the task `build`.
    """
    return [
        *_stages(mode, root),
        *_profile(mode, root),
        *_smoke(mode, root),
        *_budgets(mode, root),
        *_document(mode, root),
        *_options(mode, root, flags),
    ]


def _stages(mode: Mode, root: Path) -> Iterator[str]:
    text = (root / "docker" / "Dockerfile").read_text(encoding="utf-8")
    stages = re.findall(r"^FROM .* AS (\S+)$", text, re.MULTILINE)
    for candidate in mode.candidates:
        for name, what in (("backend", "its plugin"), ("libraries", "the libraries it loads")):
            stage = f"{candidate.name}-{name}"
            if stage not in stages:
                yield f"Add a stage {stage} to docker/Dockerfile: {what}, in /layer."
    if f"variant-{mode.name}" not in stages:
        yield f"Add a stage variant-{mode.name} to docker/Dockerfile: the image of this variant."


def _profile(mode: Mode, root: Path) -> Iterator[str]:
    profile = mode.container.profile
    compose = yaml.safe_load((root / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    known = compose["services"].values()
    services = [service for service in known if profile in service.get("profiles", [])]
    if len(services) != 1:
        yield f"Add one service with the profile {profile} to deploy/compose.yaml."
        return
    expected = compose_keys(mode)
    given = {key: services[0][key] for key in ("devices", "deploy") if key in services[0]}
    if given != expected:
        yield (
            f"Give the profile {profile} in deploy/compose.yaml the hardware of "
            f"`docker run {' '.join(mode.container.run)}`: {json.dumps(expected)}."
        )


def compose_keys(mode: Mode) -> dict[str, Any]:
    """Compose's words for the row's flags of `docker run`."""
    keys: dict[str, Any] = {}
    flags = mode.container.run
    for flag, value in zip(flags[::2], flags[1::2], strict=True):
        if flag == "--device":
            keys.setdefault("devices", []).append(value)
        elif (flag, value) == ("--gpus", "all") and mode.container.engine_runtime:
            driver = mode.container.engine_runtime.name
            device = {"driver": driver, "count": "all", "capabilities": ["gpu"]}
            keys["deploy"] = {"resources": {"reservations": {"devices": [device]}}}
        else:
            raise AssertionError(f"Teach compose_keys in {__file__} the flag {flag} {value}.")
    return keys


def _smoke(mode: Mode, root: Path) -> Iterator[str]:
    """The session smoke_NAME of noxfile.py runs this file."""
    path = f"tests/smoke/test_{mode.name}.py"
    if not (root / path).is_file():
        yield f"Write {path}, which the session smoke_{mode.name} runs (see test_rocm.py)."


def _budgets(mode: Mode, root: Path) -> Iterator[str]:
    budgets = json.loads((root / "docker" / "budgets.json").read_text(encoding="utf-8"))
    if mode.name not in budgets["variants"]:
        yield f'Add {mode.name} to "variants" in docker/budgets.json: megabytes that a pull moves.'
    if mode.targets is not None and mode.name not in budgets["targets"]:
        yield f'Add {mode.name} to "targets" in docker/budgets.json: megabytes for each target.'


def _document(mode: Mode, root: Path) -> Iterator[str]:
    text = (root / "README.md").read_text(encoding="utf-8")
    section = text[text.index("\n## Hardware\n") :].partition("\n## ")[2].partition("\n## ")[0]
    names = [mode.title, *([mode.vendor.name] if mode.vendor else [])]
    if not re.search(rf"^\| ({'|'.join(map(re.escape, names))})\b", section, re.MULTILINE):
        yield f"Add a row for {names[-1]} to the table below `## Hardware` in README.md."


def _options(mode: Mode, root: Path, flags: set[str]) -> Iterator[str]:
    """Only where something is compiled on demand."""
    text = (root / "docker" / "Dockerfile").read_text(encoding="utf-8")
    pins = json.loads((root / "docker" / "bases" / "pins.json").read_text(encoding="utf-8"))
    options = [mode.targets.option] if mode.targets else []
    for candidate in mode.candidates:
        compiled = candidate.compile
        options += [compiled.option, compiled.architectures] if compiled else []
        sdk = compiled.sdk if compiled else candidate.sdk
        if sdk and sdk not in pins:
            yield f"Add the base image {sdk} to docker/bases/pins.json."
    for option in options:
        if option not in flags:
            yield f"Add a setting and a flag {option} of `build`, and pass it to compiled.choose."
        if not re.search(rf"^ARG {argument(option)}=", text, re.MULTILINE):
            yield f"Add `ARG {argument(option)}=` to docker/Dockerfile."
