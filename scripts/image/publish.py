"""Pushes to a registry exactly what the smoke tests passed, by digest."""

from __future__ import annotations

import json
import re

from scripts import docker_engine as engine
from scripts.docker_engine import Engine, EngineOptions
from scripts.image import image_tags
from scripts.image import record as records
from scripts.image.push_errors import NO_LOGIN, REFUSED, explain
from scripts.shared import commands
from scripts.shared.commands import Result
from scripts.shared.console import echo, say
from scripts.shared.errors import NotTested, PublishFailed
from scripts.shared.task_command import task_command
from scripts.trust import attach

#: What a registry says of a reference that it does not have.
NOT_THERE = re.compile(
    r": not found$|manifest unknown|name unknown|\b404\b", re.IGNORECASE | re.MULTILINE
)


def publish(
    options: EngineOptions,
    registry: str,
    key: str = "",
    *,
    replace: bool = False,
    dry: bool = False,
) -> None:
    """Tag the tested digest for the registry and push each tag: `latest` last.

    A version and a commit name one digest for ever, unless `replace` is set. MAJOR.MINOR, MAJOR and
    `latest` stay where they name a newer version. Safe to run again: layers that are there are not
    sent twice. Then signs the digest with `key`, and attaches SBOM and provenance. Raises
    `NotTested`, `LoginMissing`, `PublishFailed`, `TrustUnavailable`.
    """
    image = records.image()
    digest: str = image["digest"]
    require_tested(digest, records.read(records.SMOKE))
    application = image["application"]
    tags = image_tags.published(
        application["version"], image["variant"], application.get("commit", "")
    )
    fixed, moving = (
        [target(f"{image['image']}:{tag}", registry) for tag in some]
        for some in (tags.fixed, tags.moving)
    )
    attach.ready(key)
    docker = engine.ensure(options)
    if dry:
        say("# a tag that names a newer version in the registry is left as it is:")
    else:
        require_digests(commands.capture(docker.argv("info", "--format", "{{json .DriverStatus}}")))
        for reference in () if replace else fixed:
            refuse_replacement(reference, digest, _published_digest(docker, reference))
        moving = _movable(docker, moving, application["version"])
    for reference in (*fixed, *moving):
        tag = docker.argv("tag", digest, reference)
        push = docker.argv("push", reference)
        if dry:
            echo(tag)
            echo(push)
            continue
        commands.check(tag)
        _push(push, reference, digest)
    pinned = f"{target(image['image'], registry)}@{digest}"
    if dry:
        say(f"# then sign and attest {pinned}" if key else f"# {attach.NOT_SIGNED}")
        return
    say(f"published {digest} as {', '.join((*fixed, *moving))}")
    attach.attach(pinned, image, key)


def require_digests(info: Result) -> None:
    """Raise `PublishFailed` where the engine's image store would push another digest."""
    if "io.containerd.snapshotter" not in info.out:
        raise PublishFailed(
            "This engine's image store does not keep digests, so nothing was pushed.",
            why="What it pushes has another digest than the image that was tested.",
            next='Let it use containerd\'s: "features": {"containerd-snapshotter": true} in its '
            "configuration (daemon.json); restart it, then build and test again.",
        )


def refuse_replacement(reference: str, digest: str, there: str) -> None:
    """Raise `PublishFailed` where `there`, the reference's digest in the registry, is another."""
    if there not in ("", digest):
        raise PublishFailed(
            f"{reference} is published already, with another digest than {digest}.",
            why=f"The registry has {there}: users of this tag expect it to stay the same.",
            next="Raise the version in the application's package.json and build again, "
            f"or run `{task_command('publish --replace')}`.",
        )


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
            next=f"Fix it, then run `{task_command('build')}` and `nox -s smoke_cpu` again.",
        )


def target(tag: str, registry: str) -> str:
    """The reference to push: `registry/repository:tag`, with docker.io left implicit."""
    return tag if registry in ("", "docker.io") else f"{registry.rstrip('/')}/{tag}"


def _published_digest(docker: Engine, reference: str) -> str:
    """The digest of a reference in its registry; empty where there is none."""
    form = ("--format", "{{json .Manifest.Digest}}")
    argv = docker.argv("buildx", "imagetools", "inspect", *form, reference)
    return read_answer(reference, commands.capture(argv)).strip('"')


def read_answer(reference: str, asked: Result) -> str:
    """What `imagetools inspect` printed; empty where the registry has none.

    A registry that refuses to show it, as Docker Hub does for a repository that is not there yet,
    is asked by the push that follows. Raises `PublishFailed` where it did not answer.
    """
    if asked.code == 0:
        return asked.out.strip()
    text = asked.err or asked.out
    if NOT_THERE.search(text) or NO_LOGIN.search(text) or REFUSED.search(text):
        return ""
    raise explain(reference, text)


def _movable(docker: Engine, references: list[str], version: str) -> list[str]:
    """The references that do not name a newer version in their registry; says which do."""
    chosen = []
    for reference in references:
        there = _published_version(docker, reference)
        if image_tags.is_newer(there, version):
            say(f"{reference} stays: it names {there}, which is newer than {version}")
        else:
            chosen.append(reference)
    return chosen


def _published_version(docker: Engine, reference: str) -> str:
    """The version in the label of a published image; empty where there is none."""
    form = ("--format", "{{json .Image}}")
    asked = commands.capture(docker.argv("buildx", "imagetools", "inspect", *form, reference))
    return read_version(read_answer(reference, asked))


def read_version(image: str) -> str:
    """The version in an image's configuration as `imagetools inspect` prints it, or empty."""
    try:
        configuration = json.loads(image or "{}")["config"]
    except (ValueError, KeyError, TypeError):
        return ""  # an index of several platforms, or no image: none that we have published
    labels = configuration.get("Labels") or {}
    return str(labels.get("org.opencontainers.image.version", ""))


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
            next="An engine with the containerd image store keeps digests: "
            f"`{task_command('engine.status')}`.",
        )
