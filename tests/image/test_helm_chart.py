"""The Helm chart: lint, what it renders, and that its values are checked."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.backends import table
from scripts.running.container import DATA, PORT
from scripts.shared.paths import REPOSITORY
from tests.kubernetes_programs import (
    CHART,
    VERSIONS,
    WITHOUT_SCHEMA,
    copy_of_chart,
    documents,
    faults,
    helm,
)

VALUES = REPOSITORY / "tests" / "helm-values"

#: Values by name: those of the chart itself, and files.
CASES: dict[str, tuple[str, ...]] = {
    "defaults": (),
    **{
        path.stem: ("--values", str(path))
        for path in sorted((REPOSITORY / "tests" / "helm-values").glob("*.yaml"))
    },
}

Manifest = dict[str, Any]


@cache
def rendered(*arguments: str, chart: Path = CHART) -> tuple[Manifest, ...]:
    result = helm("template", "llm", str(chart), "--namespace", "models", *arguments)
    assert result.code == 0, result.err
    return tuple(documents(result.out))


def case(name: str, *more: str) -> tuple[Manifest, ...]:
    return rendered(*CASES[name], *more)


def of_kind(manifests: tuple[Manifest, ...], kind: str) -> list[Manifest]:
    return [each for each in manifests if each["kind"] == kind]


def deployment(manifests: tuple[Manifest, ...], name: str) -> Manifest:
    (found,) = [
        each
        for each in of_kind(manifests, "Deployment")
        if each["metadata"]["labels"]["mentator/class"] == name
    ]
    return found


def pod(manifests: tuple[Manifest, ...], name: str) -> Manifest:
    found: Manifest = deployment(manifests, name)["spec"]["template"]["spec"]
    return found


def container(manifests: tuple[Manifest, ...], name: str) -> Manifest:
    (found,) = pod(manifests, name)["containers"]
    result: Manifest = found
    return result


@pytest.mark.parametrize("name", CASES)
def test_helm_finds_no_fault_in_the_chart(name: str) -> None:
    result = helm("lint", "--strict", str(CHART), *CASES[name])
    assert result.code == 0, result.out + result.err
    assert "[WARNING]" not in result.out + result.err


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CASES)
def test_every_manifest_fits_the_schemas_of_kubernetes(name: str, version: str) -> None:
    manifests = case(name, "--kube-version", version)
    assert manifests
    found = [
        fault
        for manifest in manifests
        if manifest["kind"] not in WITHOUT_SCHEMA
        for fault in faults(manifest, version)
    ]
    assert found == []


def test_the_schemas_find_a_fault() -> None:
    manifest = json.loads(json.dumps(of_kind(case("defaults"), "Deployment")[0]))
    manifest["spec"]["template"]["spec"]["containers"][0]["imagePullPolicies"] = "Always"
    assert len(list(faults(manifest, VERSIONS[-1]))) == 1


@pytest.mark.parametrize("name", CASES)
def test_names_are_unique_and_references_lead_somewhere(name: str) -> None:
    manifests = case(name)
    names = [(each["kind"], each["metadata"]["name"]) for each in manifests]
    assert len(names) == len(set(names))
    mounted = {
        volume["configMap"]["name"]
        for each in of_kind(manifests, "Deployment")
        for volume in each["spec"]["template"]["spec"]["volumes"]
        if "configMap" in volume
    }
    assert mounted <= {found for kind, found in names if kind == "ConfigMap"}
    for each in of_kind(manifests, "Deployment"):
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert each["spec"]["selector"]["matchLabels"].items() <= labels.items()
        for service in of_kind(manifests, "Service"):
            assert service["spec"]["selector"].items() <= labels.items()


def test_the_classes_agree_with_the_table_of_backends() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    classes, backends = values["classes"], table.read()
    assert {each["backend"] for each in classes.values()} == set(backends.names)
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    known = schema["definitions"]["class"]["properties"]["backend"]["enum"]
    assert set(known) == set(backends.demands)
    for name, each in classes.items():
        mode = backends.mode(each["backend"])
        # A class that needs hardware asks for a device; the groups are those of the nodes.
        assert ("device" in each) == bool(mode.signs), name
        runtime = mode.container.engine_runtime
        if runtime:
            assert each["device"]["resource"] == runtime.device
        passed = [flag for flag in mode.container.run if flag.startswith("/dev/")]
        assert each.get("needsDeviceGroups", False) == bool(passed), name


def test_the_chart_agrees_with_the_service() -> None:
    """Its version, its port, its data folder, and how long it takes to stop."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    package = json.loads((REPOSITORY / "service/package.json").read_text(encoding="utf-8"))
    assert chart["appVersion"] == chart["version"] == package["version"]
    one = container(case("defaults"), "cpu")
    assert [each["containerPort"] for each in one["ports"]] == [PORT]
    assert DATA in [mount["mountPath"] for mount in one["volumeMounts"]]
    source = (REPOSITORY / "service/src/app.ts").read_text(encoding="utf-8")
    (last,) = re.findall(r"^const LAST_MSEC = ([\d_]+);$", source, re.MULTILINE)
    for name, (before, limit) in {"defaults": (10, 120), "edge": (5, 600)}.items():
        assert container(case(name), "cpu")["lifecycle"]["preStop"]["exec"]["command"][-2:] == [
            str(before),
            str(limit),
        ]
        left = pod(case(name), "cpu")["terminationGracePeriodSeconds"] - before - limit
        assert left > int(last) / 1000


def test_the_figures_that_the_chart_names_are_the_services() -> None:
    figures = (REPOSITORY / "service/src/metrics/measured.ts").read_text(encoding="utf-8")
    named = set()
    for path in (CHART / "templates/scaling.yaml", CHART / "files/drain.mjs"):
        text = path.read_text(encoding="utf-8").replace("(?:requests_running|queue_waiting)", "")
        named |= set(re.findall(r"mentator_[a-z_]+[a-z]", text))
    named |= {"mentator_requests_running", "mentator_queue_waiting"}  # as drain.mjs puts together
    for name in named:
        assert f'name: "{name}"' in figures, name


def restricted(spec: Manifest) -> list[str]:
    """What PodSecurity's level `restricted` has against a pod (Pod Security Standards, 1.29)."""
    found = []
    outer = spec.get("securityContext", {})
    if any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
        found.append("host namespaces")
    kinds = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"}
    kinds |= {"persistentVolumeClaim", "projected", "secret"}
    found += [str(each) for each in spec.get("volumes", []) if not kinds & set(each)]
    for each in spec["containers"] + spec.get("initContainers", []):
        inner = each.get("securityContext", {})
        both = outer | inner
        if both.get("runAsNonRoot") is not True or both.get("runAsUser") == 0:
            found.append("root")
        if inner.get("allowPrivilegeEscalation") is not False or inner.get("privileged"):
            found.append("privileges")
        capabilities = inner.get("capabilities", {})
        if capabilities.get("drop") != ["ALL"] or set(capabilities.get("add", [])) - {
            "NET_BIND_SERVICE"
        }:
            found.append("capabilities")
        if both.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
            found.append("seccomp")
        found += ["host port" for port in each.get("ports", []) if port.get("hostPort")]
    return found


@pytest.mark.parametrize("name", CASES)
def test_pods_are_restricted_but_for_root_that_joins_groups(name: str) -> None:
    manifests = case(name)
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))["classes"]
    specs = {
        each["metadata"]["labels"]["mentator/class"]: each["spec"]["template"]["spec"]
        for each in of_kind(manifests, "Deployment")
    }
    specs["test"] = of_kind(manifests, "Pod")[0]["spec"]
    for each, spec in specs.items():
        needs = values.get(each, {}).get("needsDeviceGroups", False)
        groups = spec["securityContext"].get("supplementalGroups")
        assert restricted(spec) == (["root", "capabilities"] if needs and not groups else []), each
        for one in spec["containers"]:
            assert one["securityContext"]["readOnlyRootFilesystem"] is True
            assert set(one["securityContext"]["capabilities"].get("add", [])) <= {
                "CHOWN",
                "SETGID",
                "SETUID",
            }
        assert spec["automountServiceAccountToken"] is False


def test_each_class_asks_for_its_devices_of_one_image() -> None:
    manifests = case("all-classes")
    assert {
        each["metadata"]["name"] for each in of_kind(manifests, "Deployment")
    } == {"llm-nvidia", "llm-nvidia-mig", "llm-amd", "llm-intel", "llm-cpu"}  # fmt: skip
    devices = {
        "nvidia": {"nvidia.com/gpu": "1"},
        "nvidia-mig": {"nvidia.com/mig-1g.10gb": "1"},
        "amd": {"amd.com/gpu": "1"},
        "intel": {"gpu.intel.com/i915": "1"},
        "cpu": {},
    }
    for name, device in devices.items():
        one = container(manifests, name)
        assert one["image"] == "mentator/mentator-llm-service:1.0.0"
        limits = one["resources"].get("limits", {})
        assert {key: limits[key] for key in limits if "/" in key} == device
        assert device.items() <= one["resources"].get("requests", {}).items()
    assert deployment(manifests, "nvidia")["spec"]["replicas"] == 3
    assert pod(manifests, "nvidia")["runtimeClassName"] == "nvidia"
    assert pod(manifests, "amd")["securityContext"]["supplementalGroups"] == [44, 992]
    variables = {each["name"]: each for each in container(manifests, "nvidia")["env"]}
    assert variables["MENTATOR_BACKEND"]["value"] == "cuda"
    assert variables["MENTATOR_MODELS"]["value"] == "hf:OWNER/REPO:Q4_K_M ollama:qwen3:0.6b"
    assert variables["MENTATOR_API_KEY"]["valueFrom"]["secretKeyRef"] == {
        "name": "llm-key",
        "key": "key",
    }
    assert variables["HF_TOKEN"]["valueFrom"]["secretKeyRef"]["name"] == "hugging-face"
    assert of_kind(manifests, "Secret") == []
    (files,) = of_kind(manifests, "ConfigMap")
    written = json.loads(files["data"]["mentator-llm-service.conf.jsonc"])
    assert written == {"engine": {"slots": 4}, "log": {"format": "json"}}


def test_a_key_is_made_where_none_is_given() -> None:
    first, second = (
        of_kind(rendered("--set", f"podLabels.run={run}"), "Secret")[0]["data"]["apiKey"]
        for run in ("a", "b")
    )
    assert first != second
    assert len(first) > 40
    (given,) = of_kind(rendered("--set", "apiKey.value=secret"), "Secret")
    assert given["data"] == {"apiKey": "c2VjcmV0"}


def test_the_edge_lets_streams_pass_and_watches_the_queue() -> None:
    manifests = case("edge")
    (ingress,) = of_kind(manifests, "Ingress")
    annotations = ingress["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
    assert int(annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"]) >= 3600
    assert annotations["nginx.ingress.kubernetes.io/upstream-hash-by"] == "$http_x_conversation"
    source = (REPOSITORY / "service/src/http/server.ts").read_text(encoding="utf-8")
    assert "BODY_LIMIT = 16 * 1024 ** 2" in source
    assert annotations["nginx.ingress.kubernetes.io/proxy-body-size"] == "16m"
    scaled = {each["metadata"]["name"]: each["spec"] for each in of_kind(manifests, "ScaledObject")}
    assert set(scaled) == {"llm-mentator-amd", "llm-mentator-cpu"}
    (trigger,) = scaled["llm-mentator-cpu"]["triggers"]
    assert 'namespace="models",pod=~"llm-mentator-cpu-' in trigger["metadata"]["query"]
    assert "replicas" not in deployment(manifests, "cpu")["spec"]
    (monitor,) = of_kind(manifests, "ServiceMonitor")
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["authorization"]["credentials"]["name"] == "llm-mentator-api-key"
    (policy,) = of_kind(manifests, "NetworkPolicy")
    (let_in,) = policy["spec"]["ingress"]
    assert len(let_in["from"]) == 4
    (names,) = policy["spec"]["egress"]
    assert {each["port"] for each in names["ports"]} == {53}
    assert {each["metadata"]["name"] for each in of_kind(manifests, "PersistentVolumeClaim")} == {
        "llm-mentator-amd-models",
        "llm-mentator-cpu-models",
    }


def test_kubernetes_itself_scales_by_the_queue() -> None:
    (scaler,) = of_kind(case("open"), "HorizontalPodAutoscaler")
    (metric,) = scaler["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == "mentator_queue_waiting"
    assert scaler["spec"]["scaleTargetRef"]["name"] == "llm-chat-cpu"
    kinds = {each["kind"] for each in case("open")}
    assert not kinds & {"Secret", "NetworkPolicy", "PodDisruptionBudget", "ServiceAccount"}
    assert container(case("open"), "cpu")["image"].startswith("registry.example.org:5000/mentator@")


def test_a_dashboard_that_the_chart_has_becomes_a_config_map(tmp_path: Path) -> None:
    chart = copy_of_chart(tmp_path / "mentator")
    (chart / "dashboards").mkdir(exist_ok=True)
    (chart / "dashboards" / "one.json").write_text('{"title": "{{ one }}"}', encoding="utf-8")
    on = ("--set", "metrics.dashboard.enabled=true")
    found = {
        each["metadata"]["name"]: each for each in of_kind(rendered(*on, chart=chart), "ConfigMap")
    }
    one = found["llm-mentator-one-dashboard"]
    assert json.loads(one["data"]["one.json"]) == {"title": "{{ one }}"}
    assert one["metadata"]["labels"]["grafana_dashboard"] == "1"
    off = {each["metadata"]["name"] for each in of_kind(rendered(chart=chart), "ConfigMap")}
    assert off == {"llm-mentator"}


def test_the_dashboard_of_the_checkout_is_in_the_chart() -> None:
    there = {path.name: path.read_bytes() for path in REPOSITORY.glob("deploy/grafana/*.json")}
    taken = {path.name: path.read_bytes() for path in CHART.glob("dashboards/*.json")}
    # Links: ln -s ../../../grafana/NAME.json deploy/helm/mentator/dashboards/
    assert taken == there


def test_names_that_yaml_reads_as_something_else_stay_texts() -> None:
    flags = "apiKey.existingSecret=123,apiKey.secretKey=1,priorityClassName=1"
    manifests = rendered("--set-string", flags)
    assert [fault for each in manifests for fault in faults(each, VERSIONS[-1])] == []


#: A value that cannot be used, and what the message says.
BAD = {
    "foo=1": "'foo' not allowed",
    "classes.cpu.replicas=-1": "/classes/cpu/replicas",
    "classes.cpu.replica=1": "'replica' not allowed",
    "classes.cpu.backend=metal": "/classes/cpu/backend",
    "classes.gpu.enabled=true": "missing properties 'replicas', 'backend', 'strategy'",
    "classes.Bad_Name.enabled=true": "Bad_Name",
    "classes.cpu.enabled=false": "No class of nodes is enabled. Enable one",
    "classes.nvidia.device.resource=nvidia.com/card": "/classes/nvidia/device/resource",
    "classes.cpu.resources.limits.gpu=1": "'gpu' not allowed",
    "classes.cpu.strategy.maxSurge=0": "/classes/cpu/strategy",
    "classes.amd.deviceGroups={0}": "/classes/amd/deviceGroups/0",
    "storage.type=nfs": "/storage/type",
    "storage.type=claim,classes.cpu.replicas=2": "ReadWriteOnce, which serves one pod",
    "autoscaling.type=keda": "/autoscaling/keda/prometheus",
    "autoscaling.type=hpa,autoscaling.minReplicas=9": "minReplicas is more than",
    "ingress.enabled=true": "/ingress/hosts",
    "ingress.controller=haproxy,ingress.hashBy=$host": "/ingress",
    "models={some-model}": "/models/0",
    "models={hf:a/b c}": "/models/0",
    "apiKey.existingSecret=Big": "/apiKey/existingSecret",
    "config.apiKey=secret": "/config",
    "env[0].name=MENTATOR_API_KEY,env[0].value=x": "/env/0/name",
    "image.tag=a b": "/image/tag",
    "drain.requestSeconds=soon": "/drain/requestSeconds",
    "priorityClassName=a: b": "/priorityClassName",
    "fullnameOverride=on": "/fullnameOverride",
    "podLabels.mentator/class=x": "/podLabels",
}


@pytest.mark.parametrize("values", BAD)
def test_a_bad_value_is_refused_by_its_name(values: str) -> None:
    result = helm("template", "llm", str(CHART), "--set", values)
    assert result.code != 0
    assert result.out == ""
    assert BAD[values] in result.err


def test_the_notes_say_how_to_ask_it() -> None:
    result = helm("install", "llm", str(CHART), "--dry-run=client", "--values",
                  str(VALUES / "edge.yaml"))  # fmt: skip
    assert result.code == 0, result.err
    notes = result.out.partition("NOTES:")[2]
    assert "amd: backend rocm, 1 x amd.com/gpu" in notes
    assert "URL=https://llm.example.org" in notes
    assert "Class amd starts as root" in notes
