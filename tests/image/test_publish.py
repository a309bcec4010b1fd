"""Publishing to a real registry on loopback: by digest, refused, interrupted, repeated."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from scripts.docker_engine import Engine, EngineOptions
from scripts.image import image_tags, publish
from scripts.image import record as records
from scripts.shared import commands
from scripts.shared.errors import (
    LoginMissing,
    NotTested,
    NotTrusted,
    PublishFailed,
    TrustUnavailable,
)
from scripts.trust.cosign_argv import Signer
from scripts.trust.verify import verify
from tests.containers import free_port
from tests.image import registry, signing


def names(image: dict[str, Any]) -> list[str]:
    """The tags of a release, the version first."""
    application = image["application"]
    tags = image_tags.published(application["version"], image["variant"], application["commit"])
    return [*tags.fixed, *tags.moving]


@pytest.fixture
def tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: dict[str, Any]) -> None:
    """A smoke record that says that the image passed; the real record is not changed."""
    monkeypatch.setattr(records, "SMOKE", tmp_path / "smoke.json")
    records.write(records.SMOKE, {"digest": image["digest"], "results": {"cpu": "passed"}})


@pytest.fixture(autouse=True)
def clean_tags(engine: Engine, image: dict[str, Any]) -> Iterator[None]:
    """Remove the tags that a push to the test registry created."""
    yield
    out = commands.check(engine.argv("image", "ls", "--format", "{{.Repository}}:{{.Tag}}"))
    for tag in out.splitlines():
        if tag.startswith("localhost:") and image["image"] in tag:
            commands.check(engine.argv("image", "rm", tag))


@pytest.mark.usefixtures("tested")
def test_publish_pushes_all_tags_with_the_tested_digest(
    engine_options: EngineOptions, image: dict[str, Any], tmp_path: Path
) -> None:
    with registry.running(tmp_path / "registry") as target:
        publish.publish(engine_options, target.host)
        assert target.tags(image["image"]) == sorted(names(image))
        for name in names(image):
            assert target.digest(image["image"], name) == image["digest"]

        publish.publish(engine_options, target.host)  # a second push has nothing to send


@pytest.mark.usefixtures("tested")
@pytest.mark.parametrize("which", [0, 1], ids=["version", "commit"])
def test_publish_keeps_what_a_version_and_a_commit_name(
    engine_options: EngineOptions,
    engine: Engine,
    image: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    which: int,
) -> None:
    # A clean commit, whatever the working tree: the record is changed, not the image.
    application = {**image["application"], "commit": "c0ffee" * 7}
    monkeypatch.setattr(records, "image", lambda: {**image, "application": application})
    name = names({**image, "application": application})[which]
    with registry.running(tmp_path / "registry") as target:
        other = _push_another_image(engine, f"{target.host}/{image['image']}:{name}")
        with pytest.raises(PublishFailed) as caught:
            publish.publish(engine_options, target.host)
        assert f"{name} is published already" in caught.value.what
        assert target.tags(image["image"]) == [name], "something was pushed before the check"
        assert target.digest(image["image"], name) == other

        publish.publish(engine_options, target.host, replace=True)
        assert target.digest(image["image"], name) == image["digest"]


def test_an_older_version_and_a_prerelease_do_not_move_tags_back(
    engine_options: EngineOptions,
    engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Releases of one repository in an order in which they may be published."""
    monkeypatch.setattr(records, "SMOKE", tmp_path / "smoke.json")
    repository = "order/test"
    digests = {}
    with registry.running(tmp_path / "registry") as target:
        for version in ("1.0.4", "1.1.0", "1.0.5", "2.0.0-next.1", "1.2.0", "1.1.1"):
            digest = digests[version] = _build_with_version(engine, version, tmp_path)
            application = {"version": version, "commit": ""}
            record = {"digest": digest, "image": repository, "variant": "cpu"}
            full = {**record, "application": application}
            monkeypatch.setattr(records, "image", lambda full=full: full)
            records.write(records.SMOKE, {"digest": digest, "results": {"cpu": "passed"}})
            capsys.readouterr()
            publish.publish(engine_options, target.host)
            said = capsys.readouterr().out
            stays = {
                line.split()[0].rpartition(":")[2] for line in said.splitlines() if "stays" in line
            }
            assert stays == {
                "1.0.5": {"1-cpu", "latest-cpu"},
                "1.1.1": {"1-cpu", "latest-cpu"},
            }.get(version, set())
        named = {tag: target.digest(repository, tag) for tag in target.tags(repository)}
        for version in digests:
            commands.capture(engine.argv("image", "rm", "--force", digests[version]))
    assert named == {
        **{f"{version}-cpu": digest for version, digest in digests.items()},
        "1.0-cpu": digests["1.0.5"],
        "1.1-cpu": digests["1.1.1"],
        "1.2-cpu": digests["1.2.0"],
        "1-cpu": digests["1.2.0"],
        "latest-cpu": digests["1.2.0"],
    }


@pytest.mark.usefixtures("tested")
def test_publish_dry_pushes_nothing(
    engine_options: EngineOptions,
    image: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with registry.running(tmp_path / "registry") as target:
        publish.publish(engine_options, target.host, dry=True)
        assert target.tags(image["image"]) == []
        assert f"push {target.host}/{image['image']}:{names(image)[0]}" in capsys.readouterr().out


@pytest.mark.usefixtures("tested")
def test_publish_fails_without_login_and_succeeds_after_login(
    engine_options: EngineOptions,
    engine: Engine,
    image: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "client"))
    with registry.running(tmp_path / "registry", login=True) as target:
        with pytest.raises(LoginMissing) as caught:
            publish.publish(engine_options, target.host)
        assert f"docker login {target.host}" in caught.value.next

        login = engine.argv("login", "--username", "tester", "--password-stdin", target.host)
        commands.check(login, stdin="secret")
        publish.publish(engine_options, target.host)


@pytest.mark.usefixtures("tested")
def test_publish_succeeds_after_a_push_was_cut_off(
    engine_options: EngineOptions, image: dict[str, Any], tmp_path: Path
) -> None:
    folder, port = tmp_path / "registry", free_port()
    with registry.running(folder, port=port) as target:
        killer = threading.Thread(target=_kill_when_layers_arrive, args=(target, folder / "data"))
        killer.start()
        with pytest.raises(PublishFailed) as caught:
            publish.publish(engine_options, target.host)
        killer.join()
        assert "again" in caught.value.next
    with registry.running(folder, port=port) as target:
        publish.publish(engine_options, target.host)
        assert target.digest(image["image"], names(image)[0]) == image["digest"]


def test_publish_fails_when_the_image_was_not_tested(
    engine_options: EngineOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "SMOKE", tmp_path / "smoke.json")
    records.write(records.SMOKE, {"digest": "sha256:another", "results": {"cpu": "passed"}})
    with pytest.raises(NotTested):
        publish.publish(engine_options, f"localhost:{free_port()}")


def _push_another_image(engine: Engine, reference: str) -> str:
    """Push an image of one small layer; its digest."""
    layer = commands.check(engine.argv("import", "--message", reference, "-"), stdin="\0" * 1024)
    commands.check(engine.argv("tag", layer.strip(), reference))
    pushed = commands.check(engine.argv("push", reference))
    commands.check(engine.argv("image", "rm", "--force", layer.strip()))
    return pushed.rpartition("digest: ")[2].split()[0]


def _build_with_version(engine: Engine, version: str, folder: Path) -> str:
    """Build an image of nothing but the label of a version; its digest."""
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    metadata = folder / "metadata.json"
    argv = ["buildx", "build", "--load", "--provenance=false", "--metadata-file", str(metadata)]
    argv += ["--label", f"org.opencontainers.image.version={version}", str(folder)]
    commands.check(engine.argv(*argv))
    return str(records.read(metadata)["containerimage.digest"])


def _kill_when_layers_arrive(target: registry.Registry, data: Path) -> None:
    """Kill the registry during the push, after the first megabytes."""
    for _ in range(3000):
        if _bytes(data) > 2_000_000:
            break
        threading.Event().wait(0.01)
    target.process.kill()


def _bytes(data: Path) -> int:
    """Bytes that the registry has stored; files that it moves at that moment do not count."""
    arrived = 0
    for folder, _, names in os.walk(data):
        for name in names:
            with suppress(FileNotFoundError):
                arrived += (Path(folder) / name).stat().st_size
    return arrived


@pytest.mark.usefixtures("tested")
def test_publish_signs_with_a_key_and_says_so_where_there_is_none(
    engine_options: EngineOptions,
    image: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", f"{signing.programs()}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("COSIGN_PASSWORD", "")
    commands.check(["cosign", "generate-key-pair"], cwd=tmp_path)
    signer = Signer(key=str(tmp_path / "cosign.pub"))
    with registry.running(tmp_path / "registry") as target:
        reference = f"{target.host}/{image['image']}:{names(image)[0]}"
        with pytest.raises(TrustUnavailable, match="cannot be read"):
            publish.publish(engine_options, target.host, str(tmp_path / "no.key"))
        assert target.tags(image["image"]) == [], "something was pushed before the check"
        publish.publish(engine_options, target.host)
        assert "not signed, no SBOM and no provenance" in capsys.readouterr().out
        with pytest.raises(NotTrusted):
            verify(reference, signer)

        publish.publish(engine_options, target.host, str(tmp_path / "cosign.key"))
        verify(reference, signer)
        shown = capsys.readouterr().out
        assert shown.count("good") == 3
        assert target.digest(image["image"], names(image)[0]) == image["digest"]
