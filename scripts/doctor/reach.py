"""Registries in reach, and what the pipeline uses instead of one that is not."""

from __future__ import annotations

import os

import requests

from scripts import bases
from scripts.bases import pins
from scripts.doctor.finding import Finding, Scene
from scripts.model.catalog import HUGGING_FACE

#: Seconds for a connection and for an answer.
TIMEOUT = (3.0, 5.0)


def registry(_: Scene) -> Finding:
    """The registry of the base images, asked as a build would ask it."""
    row = pins.read()["debian"]
    instead = "base images come from Debian and npm packages instead"
    return judge("image registry", row.image, bases.registry_fault([row]), instead)


def hugging_face(_: Scene) -> Finding:
    """Where models are fetched from."""
    endpoint = (os.environ.get("HF_ENDPOINT") or HUGGING_FACE).rstrip("/")
    instead = "the default model is SmolLM2, from a Python package, instead"
    return judge("Hugging Face", endpoint, _ask(endpoint), instead)


def judge(name: str, address: str, fault: str, instead: str) -> Finding:
    """`fault` is empty where the address answered."""
    if not fault:
        return Finding(name, "pass", f"{address} answers")
    return Finding(name, "warn", f"{address}: {fault}; {instead}", "Check network and proxy.")


def _ask(address: str) -> str:
    """The fault, in a few words; empty for any answer that is not a server error."""
    try:
        response = requests.head(address, timeout=TIMEOUT, allow_redirects=False)
    except requests.exceptions.SSLError:
        return "its certificate is not trusted (a proxy's own CA? see ca_bundle)"
    except requests.exceptions.ProxyError:
        return "the proxy does not pass it on"
    except requests.exceptions.Timeout:
        return "no answer in time"
    except requests.RequestException:
        return "not in reach"
    return f"answers {response.status_code}" if response.status_code >= 500 else ""
