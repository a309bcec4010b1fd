"""Registries in reach, and what the pipeline uses instead of one that is not."""

from __future__ import annotations

import os

from scripts import bases
from scripts.bases import pins
from scripts.doctor.finding import Finding, Scene
from scripts.model.catalog import HUGGING_FACE
from scripts.shared import answering


def registry(_: Scene) -> Finding:
    """The registry of the base images, asked as a build would ask it."""
    row = pins.read()["debian"]
    instead = "base images come from Debian and npm packages instead"
    return judge("image registry", row.image, bases.registry_fault([row]), instead)


def hugging_face(_: Scene) -> Finding:
    """Where models are fetched from."""
    endpoint = (os.environ.get("HF_ENDPOINT") or HUGGING_FACE).rstrip("/")
    instead = "the default model is SmolLM2, from a Python package, instead"
    return judge("Hugging Face", endpoint, answering.fault(endpoint), instead)


def judge(name: str, address: str, fault: str, instead: str) -> Finding:
    """`fault` is empty where the address answered."""
    if not fault:
        return Finding(name, "pass", f"{address} answers")
    return Finding(name, "warn", f"{address}: {fault}; {instead}", "Check network and proxy.")
