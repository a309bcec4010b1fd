"""Makes deploy/kubernetes out of the chart, for Kustomize: `python -m tests.render_kubernetes`.

A test compares. Helm is a program of the tests, so this stands beside them.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import yaml

from scripts.shared.paths import REPOSITORY
from tests.kubernetes_programs import CHART, helm

FOLDER = REPOSITORY / "deploy" / "kubernetes"

HEADER = (
    "# Made from deploy/helm/mentator by `python -m tests.render_kubernetes`; a test compares.\n"
)

#: Labels of Helm, which does not manage what is made here.
HELMS = re.compile(
    r"^ *(app\.kubernetes\.io/managed-by|helm\.sh/chart): .*\n|^# Source: .*\n", re.MULTILINE
)

TOP = """\
# kubectl apply -k deploy/kubernetes     docs/kubernetes.md says more
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: mentator
resources:
  - base
components:
  - cpu
images:
  - name: mentator/mentator-llm-service
    newTag: {tag}
"""

BASE = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - manifests.yaml
"""

COMPONENT = """\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources:
  - manifests.yaml
"""


def render() -> dict[str, str]:
    """Every file, by its path below the folder: what all classes share, and a component a class."""
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    version = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["appVersion"]
    switches = [f"classes.{name}.enabled=true" for name in values["classes"]]
    # A Secret has no place in a file: the page says how it is made.
    chosen = ",".join(["fullnameOverride=mentator", "apiKey.existingSecret=mentator-api-key"])
    result = helm("template", "mentator", str(CHART), "--set", ",".join([chosen, *switches]))
    if result.code != 0:
        raise AssertionError(result.err)
    texts: dict[str, list[str]] = {"base": [], **{name: [] for name in values["classes"]}}
    for text in re.split(r"^---\n", result.out, flags=re.MULTILINE):
        manifest = yaml.safe_load(text)
        if manifest and "helm.sh/hook" not in manifest["metadata"].get("annotations", {}):
            place = manifest["metadata"]["labels"].get("mentator/class", "base")
            texts[place].append(_plain(text))
    files = {"kustomization.yaml": HEADER + TOP.format(tag=version)}
    for place, parts in texts.items():
        files[f"{place}/manifests.yaml"] = HEADER + "---\n" + "---\n".join(parts)
        files[f"{place}/kustomization.yaml"] = HEADER + (BASE if place == "base" else COMPONENT)
    return files


def _plain(text: str) -> str:
    lines = HELMS.sub("", text).strip("\n").splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def write(folder: Path) -> None:
    """Replace what is in the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in render().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(FOLDER)
