"""The files for clusters, which lie in the checkout; this machine's class of nodes is chosen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY

#: The line of a class's manifests that says which row of the table of backends it is.
BACKEND = re.compile(r"name: MENTATOR_BACKEND\n\s+value: (\w+)\n")

#: RFC 1123's label, as Kubernetes asks for it.
NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

KUSTOMIZATION = """\
# kubectl apply -k .
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {name}
resources:
  - base
components:
  - {chosen}
images:
  - name: mentator/mentator-llm-service
    newName: "{repository}"
    newTag: "{tag}"
"""


def kubernetes_files(root: Path = REPOSITORY) -> dict[str, str]:
    """The texts below deploy/kubernetes by their paths. Raises `UsageError` if there are none."""
    return _files("kubernetes", root / "deploy" / "kubernetes", ("",))


def swarm_files(root: Path = REPOSITORY) -> dict[str, str]:
    """The stack and the proxy's configuration, which it names, by their paths below deploy/.

    Raises `UsageError` if there are none.
    """
    return _files("swarm", root / "deploy", ("swarm", "proxy"))


def _files(kind: str, folder: Path, parts: Sequence[str]) -> dict[str, str]:
    found = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for part in parts
        for path in sorted((folder / part).rglob("*"))
        if path.is_file()
    }
    if not (folder / parts[0]).is_dir():
        raise UsageError(
            f"This checkout has no files for {kind}.",
            why=f"{folder / parts[0]} is not there.",
            next="Take another kind, or a checkout that has the folder.",
        )
    return found


def for_backend(texts: dict[str, str], backend: str) -> str:
    """The component whose pods use that row of the table. Raises `UsageError`."""
    classes = {}
    for path, text in texts.items():
        place, slash, _ = path.partition("/")
        if slash and (found := BACKEND.search(text)):
            classes[found[1]] = place
    if backend not in classes:
        raise UsageError(
            f"There is no class of nodes for the backend {backend}.",
            next=f"Take --backend {' or '.join(sorted(classes))}, or add a class to the chart.",
        )
    return classes[backend]


def kubernetes(texts: dict[str, str], backend: str, image: str, name: str) -> dict[str, str]:
    """The files with a kustomization.yaml for that backend and image; `name` is the namespace.

    Raises `UsageError` for a name that no namespace can have, and an unknown backend.
    """
    if not NAMESPACE.fullmatch(name):
        raise UsageError(
            f"name = {name!r} cannot be a namespace.",
            next="Take lower case letters, digits and - with --name.",
        )
    repository, _, tag = image.rpartition(":")
    top = KUSTOMIZATION.format(
        name=name, chosen=for_backend(texts, backend), repository=repository, tag=tag
    )
    return {**texts, "kustomization.yaml": top}
