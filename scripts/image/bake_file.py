"""Writes a build's plan as a target of `docker buildx bake`: plans in, one JSON document out.

What belongs to a machine or to a commit is a variable, which buildx takes from its environment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.image.plan import BuildPlan
from scripts.shared.paths import REPOSITORY

FILE = REPOSITORY / "docker" / "docker-bake.json"

#: The group of all variants. A target of a variant has the variant's name.
ALL = "variants"

#: Labels that are of a commit or a base image, and the variable that holds each.
LABELS = {
    "org.opencontainers.image.revision": "IMAGE_REVISION",
    "org.opencontainers.image.source": "IMAGE_SOURCE",
    "org.opencontainers.image.base.name": "IMAGE_BASE",
}

#: The label of the base image: the only one of these whose value is known without a build.
BASE = "org.opencontainers.image.base.name"


def document(plans: Mapping[str, BuildPlan], image: str, default: str) -> dict[str, Any]:
    """The file's content: a target for each plan by its variant, and `default` as the default.

    `image` is the repository of the plans' tags.
    """
    variables = {"IMAGE_NAME": image, "IMAGE_REVISION": "", "IMAGE_SOURCE": "", "IMAGE_BASE": ""}
    variables |= {"SOURCE_DATE_EPOCH": "", "CA_BUNDLE": ""}
    for plan in plans.values():
        variables["IMAGE_BASE"] = plan.labels[BASE]
        for name, value in plan.contexts.items():
            variables[_context(name)] = _here(value)
    return {
        "variable": {name: {"default": value} for name, value in variables.items()},
        "group": {"default": {"targets": [default]}, ALL: {"targets": list(plans)}},
        "target": {name: _target(plan, image) for name, plan in plans.items()},
    }


def text(document: Mapping[str, Any]) -> str:
    """The document as it is written."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _target(plan: BuildPlan, image: str) -> dict[str, Any]:
    labels = {k: _literal(v) for k, v in plan.labels.items() if k not in LABELS}
    arguments = {k: _literal(v) for k, v in plan.arguments.items()}
    return {
        "context": _here(plan.context),
        "dockerfile": str(plan.dockerfile.relative_to(plan.context)),
        "target": plan.target,
        "platforms": [plan.buildx.platform] if plan.buildx.platform else [],
        "contexts": {name: f"${{{_context(name)}}}" for name in plan.contexts},
        "args": arguments | {"SOURCE_DATE_EPOCH": _unless_empty("SOURCE_DATE_EPOCH")},
        "labels": labels | {label: _unless_empty(name) for label, name in LABELS.items()},
        "tags": [f"${{IMAGE_NAME}}{_literal(tag.removeprefix(image))}" for tag in plan.tags],
        # An object, not a line of fields: a path may hold a comma or a quote.
        "secret": '${CA_BUNDLE != "" ? [{id = "ca", src = CA_BUNDLE}] : []}',
        # As in plan.build_argv: provenance holds the build's start time.
        "attest": ["type=provenance,disabled=true"],
    }


def _context(name: str) -> str:
    """The variable of a build context: `CONTEXT_ROCM_BASE` of `rocm-base`."""
    return f"CONTEXT_{name.replace('-', '_').upper()}"


def _here(value: str | Path) -> str:
    """A path in this repository as seen from its root, where bake runs; else as it is."""
    prefix = f"{REPOSITORY}/"
    return str(value).removeprefix(prefix)


def _unless_empty(variable: str) -> str:
    """The variable's value; nothing at all where it is empty."""
    return f'${{{variable} != "" ? {variable} : null}}'


def _literal(value: str) -> str:
    """Text that bake does not read as a template."""
    return value.replace("${", "$${").replace("%{", "%%{")
