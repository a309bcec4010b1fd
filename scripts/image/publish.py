"""Pushes to a registry exactly what the smoke tests passed, by digest."""

from __future__ import annotations

import re

from scripts import docker_engine as engine
from scripts.docker_engine import EngineOptions
from scripts.image import record as records
from scripts.shared import commands
from scripts.shared.console import echo, say
from scripts.shared.errors import LoginMissing, NotTested, PublishFailed

#: What engines and registries say when they want a login, and when one is not good enough.
NO_LOGIN = re.compile(
    r"no basic auth credentials|unauthorized|authentication required|access to the resource is"
    r"|authorization failed|insufficient_scope",
    re.IGNORECASE,
)
UNREACHED = re.compile(r"no such host|connection refused|dial tcp|i/o timeout", re.IGNORECASE)
REFUSED = re.compile(r"denied|forbidden|\b403\b", re.IGNORECASE)


def publish(options: EngineOptions, registry: str, *, dry: bool = False) -> None:
    """Tag the tested digest for the registry and push each tag.

    Safe to run again: layers that are there are not sent twice. Raises `NotTested`,
    `LoginMissing`, `PublishFailed`.
    """
    image = records.image()
    digest: str = image["digest"]
    require_tested(digest, records.read(records.SMOKE))
    targets = [target(tag, registry) for tag in image["tags"]]
    docker = engine.ensure(options)
    for reference in targets:
        tag = docker.argv("tag", digest, reference)
        push = docker.argv("push", reference)
        if dry:
            echo(tag)
            echo(push)
            continue
        commands.check(tag)
        _push(push, reference, digest)
    if not dry:
        say(f"published {digest} as {', '.join(targets)}")


def require_tested(digest: str, smoke: dict[str, object]) -> None:
    """Raise `NotTested` unless the smoke record says that this very digest passed."""
    if smoke.get("digest") != digest:
        raise NotTested(
            f"The image {digest} was not smoke-tested.",
            why=f"build/smoke.json is about {smoke.get('digest', 'nothing')}.",
            next="Run `nox -s smoke_cpu`.",
        )
    results = smoke.get("results")
    passed = isinstance(results, dict) and results.get("cpu") == "passed"
    failed = [k for k, v in results.items() if v == "failed"] if isinstance(results, dict) else []
    if not passed or failed:
        raise NotTested(
            f"The image {digest} did not pass its smoke tests.",
            why=f"Failed: {', '.join(failed)}." if failed else "smoke_cpu has no result.",
            next="Fix it, then run `invoke build` and `nox -s smoke_cpu` again.",
        )


def target(tag: str, registry: str) -> str:
    """The reference to push: `registry/repository:tag`, with docker.io left implicit."""
    return tag if registry in ("", "docker.io") else f"{registry.rstrip('/')}/{tag}"


def registry_of(reference: str) -> str:
    """The registry in a reference: its first part, where that can be a host (Docker's grammar)."""
    first, slash, _ = reference.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    return first if is_host else "docker.io"


def _push(argv: list[str], reference: str, digest: str) -> None:
    echo(argv)
    result = commands.capture(argv)
    for line in result.out.splitlines()[-1:]:
        say(line)
    if result.code != 0:
        raise explain(reference, result.err or result.out)
    if digest not in result.out and "digest:" in result.out:
        raise PublishFailed(
            f"{reference} was pushed with another digest than {digest}.",
            why=result.out.splitlines()[-1],
            next="An engine with the containerd image store keeps digests: `invoke engine.status`.",
        )


def explain(reference: str, text: str) -> LoginMissing | PublishFailed:
    """Turn a push's error text into the error that its reader can act upon."""
    last = text.strip().splitlines()[-1] if text.strip() else "no message"
    host = registry_of(reference)
    if NO_LOGIN.search(text):
        return LoginMissing(
            f"The registry {host} wants a login to push {reference}.",
            why=last,
            next=f"docker login {host}, then `invoke publish` again.",
        )
    if REFUSED.search(text):
        return PublishFailed(
            f"The registry {host} refused {reference}.",
            why=last,
            next="Check that this account may push to the repository (setting `image`).",
        )
    if UNREACHED.search(text):
        return PublishFailed(
            f"The registry {host} does not answer.",
            why=last,
            next="Check network and proxy, then run `invoke publish` again.",
        )
    return PublishFailed(
        f"The push of {reference} was interrupted.",
        why=last,
        next="Run `invoke publish` again: what has arrived is not sent again.",
    )
