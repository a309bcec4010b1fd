"""The manifests for Kustomize: as the chart renders them, and as kubectl puts them together."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.kubernetes_programs import VERSIONS, documents, faults, kubectl
from tests.render_kubernetes import FOLDER, render, write


def test_the_files_are_what_the_chart_renders() -> None:
    there = {
        str(path.relative_to(FOLDER)): path.read_text(encoding="utf-8")
        for path in FOLDER.rglob("*")
        if path.is_file()
    }
    assert there == render(), "run: .venv/bin/python -m tests.render_kubernetes"


@pytest.mark.parametrize("names", [("cpu",), ("amd", "cpu", "intel", "nvidia")])
def test_kubectl_puts_classes_together(names: tuple[str, ...], tmp_path: Path) -> None:
    write(tmp_path / "made")
    top = tmp_path / "made" / "kustomization.yaml"
    chosen = yaml.safe_load(top.read_text(encoding="utf-8"))
    chosen["components"] = list(names)
    chosen["images"][0]["newTag"] = "another"
    top.write_text(yaml.safe_dump(chosen), encoding="utf-8")
    result = kubectl("kustomize", str(top.parent))
    assert result.code == 0, result.err
    manifests = documents(result.out)
    deployments = [each for each in manifests if each["kind"] == "Deployment"]
    assert {each["metadata"]["name"] for each in deployments} == {f"mentator-{n}" for n in names}
    for each in deployments:
        (container,) = each["spec"]["template"]["spec"]["containers"]
        assert container["image"] == "mentator/mentator-llm-service:another"
    assert {each["metadata"]["namespace"] for each in manifests} == {"mentator"}
    assert [fault for each in manifests for fault in faults(each, VERSIONS[-1])] == []
    assert "Helm" not in result.out
