"""The tasks `models.*`, and which service they and `ask` mean."""

from __future__ import annotations

from pathlib import Path

from scripts.running.service_address import Service
from scripts.shared import settings_report
from scripts.shared.edge import task
from scripts.shared.paths import NO_HOME
from scripts.shared.settings import Loaded

WHERE = ("host", "port", "data")


def service(loaded: Loaded) -> Service:
    """The service of the settings, with the key that it asks for."""
    from scripts.running import api_key

    settings = loaded.settings
    data = Path(settings_report.effective("data", settings) or NO_HOME)
    key = api_key.find(loaded.container.get("MENTATOR_API_KEY", ""), data)
    return Service(settings.address(), key)


@task(*WHERE)
def show(loaded: Loaded) -> None:
    """List the models of the running container, and those that are being pulled."""
    from scripts.running import models

    models.show(service(loaded))


@task(*WHERE, source="hf:OWNER/REPO[:QUANTIZATION], ollama:NAME[:TAG] or a URL")
def pull(loaded: Loaded, source: str) -> None:
    """Let the running container fetch a model by its name."""
    from scripts.running import models

    models.pull(service(loaded), source)


@task(*WHERE, model="as models.list shows it", force="also one that is in memory")
def remove(loaded: Loaded, model: str, force: bool = False) -> None:
    """Delete a model of the running container."""
    from scripts.running import models

    models.remove(service(loaded), model, force=force)
