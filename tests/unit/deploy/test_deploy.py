"""What `deploy` writes: systemd, Quadlet, Compose and Kustomize, for each row of the table."""

from __future__ import annotations

import dataclasses
import re
import shutil
import stat
from pathlib import Path, PurePosixPath

import pytest
import yaml

from scripts.backends import local
from scripts.backends import table as backends
from scripts.deploy import cluster_files, compose_file, quadlet, systemd_unit, write_files
from scripts.deploy.deploy_request import KINDS, resolve
from scripts.deploy.deployment import STOP_SECONDS, Deployment, variables_file
from scripts.running.container import DATA
from scripts.shared import commands, settings_sources
from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY

TABLE = backends.read()


def deployment(mode: str = "cpu", **more: object) -> Deployment:
    made = Deployment(
        "mentator/mentator-llm-service:1.0.0",
        TABLE.mode(mode),
        "mentator",
        PurePosixPath("/var/lib/mentator"),
        "127.0.0.1",
        19777,
    )
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


def start(text: str) -> list[str]:
    (line,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    return str(line).split()


@pytest.mark.parametrize("mode", TABLE.names)
def test_the_systemd_unit_gives_the_container_the_rows_hardware_and_little_else(mode: str) -> None:
    words = start(systemd_unit.unit(deployment(mode)))
    flags = list(TABLE.mode(mode).container.run)
    at = words.index(flags[0]) if flags else 0
    assert words[at : at + len(flags)] == flags
    assert words[:3] == ["docker", "run", "--rm"]
    assert "--detach" not in words
    assert words[-1] == "mentator/mentator-llm-service:1.0.0"
    text = " ".join(words)
    for part in ("--read-only", "--cap-drop ALL", "--security-opt no-new-privileges"):
        assert part in text
    assert "privileged " not in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    bad = tmp_path / "bad.service"
    bad.write_text("[Service]\nExecStart=true\nRestart=sometimes\n", encoding="utf-8")
    # It must notice a fault, else its silence says nothing.
    assert "sometimes" in commands.capture(["systemd-analyze", "verify", str(bad)]).err
    for mode in TABLE.names:
        unit = tmp_path / f"mentator-{mode}.service"
        # Docker may not be on this machine: another program takes its place.
        text = systemd_unit.unit(deployment(mode, data=PurePosixPath("/srv/my models")))
        text = text.replace("docker ", "true ").replace("docker.service", "sockets.target")
        unit.write_text(text, encoding="utf-8")
        result = commands.capture(["systemd-analyze", "verify", "--man=no", str(unit)])
        about = [line for line in result.err.splitlines() if unit.name in line]
        assert about == []


@pytest.mark.parametrize("mode", TABLE.names)
def test_the_quadlet_gives_the_container_the_rows_hardware(mode: str) -> None:
    text = quadlet.container(deployment(mode, host="::1", port=8080))
    lines = [line.partition("=") for line in text.splitlines()]
    given = {value for key, _, value in lines if key == "AddDevice"}
    row = TABLE.mode(mode).container
    runtime = {f"{row.engine_runtime.device}=all"} if row.engine_runtime else set()
    assert given == runtime | {word for word in row.run if word.startswith("/dev/")}
    values = {key: value for key, _, value in lines}
    assert values["Image"] == "docker.io/mentator/mentator-llm-service:1.0.0"
    assert values["PublishPort"] == "[::1]:8080:19777"
    assert values["Volume"] == f"/var/lib/mentator:{DATA}"
    assert values["ReadOnly"] == values["NoNewPrivileges"] == "true"
    assert (values["DropCapability"], values["AddCapability"]) == ("all", "CHOWN SETGID SETUID")


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("a/b:1", "docker.io/a/b:1"),
        ("b:1", "docker.io/library/b:1"),
        ("ghcr.io/a/b:1", "ghcr.io/a/b:1"),
        ("localhost/b:1", "localhost/b:1"),
        ("registry:5000/b:1", "registry:5000/b:1"),
    ],
)
def test_podman_is_told_the_registry(image: str, full: str) -> None:
    assert quadlet.qualified(image) == full


@pytest.mark.parametrize("mode", TABLE.names)
def test_the_compose_file_needs_no_profile_and_has_the_rows_hardware(mode: str) -> None:
    given = deployment(mode, data=PurePosixPath("/srv/my models"), name="My.Llm")
    read = yaml.safe_load(compose_file.compose(given))
    assert read["name"] == "my-llm"
    (service,) = read["services"].values()
    assert "profiles" not in service
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"][0]["source"] == "/srv/my models"
    row = TABLE.mode(mode).container
    assert service.get("devices", []) == [w for w in row.run if w.startswith("/dev/")]
    reserved = service.get("deploy", {}).get("resources", {}).get("reservations", {})
    drivers = [each["driver"] for each in reserved.get("devices", [])]
    assert drivers == ([row.engine_runtime.name] if row.engine_runtime else [])


def test_variables_are_passed_on_in_a_file_of_its_owner(tmp_path: Path) -> None:
    given = deployment(demand="cpu", variables={"MENTATOR_API_KEY": "k-1", "TZ": ""})
    text = variables_file(given)
    assert "\nMENTATOR_BACKEND=cpu\nMENTATOR_API_KEY=k-1\n" in text
    assert "\n#TZ=\n" in text
    for kind in ("systemd", "quadlet", "compose"):
        files = write_files.texts(kind, given)
        assert all("k-1" not in text for name, text in files.items() if name != "mentator.env")
        write_files.write(tmp_path / kind, files)
        mode = (tmp_path / kind / "mentator.env").stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize("mark", ["$", "'", '"', "\n", "\\", " #", "`", "\r"])
def test_a_value_that_programs_read_differently_is_refused_without_being_shown(mark: str) -> None:
    for value in (f"se{mark}cret", f" {mark}secret"):
        with pytest.raises(UsageError) as caught:
            deployment(variables={"MENTATOR_API_KEY": value})
        assert "MENTATOR_API_KEY" in caught.value.what
        assert "cret" not in caught.value.message()


@pytest.mark.parametrize("value", [" secret", "secret ", "#secret"])
def test_a_value_with_a_margin_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="MENTATOR_API_KEY"):
        deployment(variables={"MENTATOR_API_KEY": value})
    assert deployment(variables={"MENTATOR_MODELS": "hf:a/b:Q4 ollama:c#sha256=1"})


@pytest.mark.parametrize("data", ["relative", "/a:b", "/a\nb", "/a$b", "/a%b", '/a"b', "/a'b"])
def test_a_folder_that_files_would_read_differently_is_refused(data: str) -> None:
    with pytest.raises(UsageError):
        deployment(data=PurePosixPath(data))


def test_the_cluster_gets_the_class_of_this_machine() -> None:
    texts = cluster_files.kubernetes_files()
    chosen = {name: cluster_files.for_backend(texts, name) for name in TABLE.names}
    assert chosen == {"cuda": "nvidia", "rocm": "amd", "vulkan": "intel", "cpu": "cpu"}
    made = write_files.texts("kubernetes", deployment("rocm", image="h:5000/a/b:1.0", name="llm"))
    top = yaml.safe_load(made["kustomization.yaml"])
    assert top["components"] == ["amd"]
    assert top["namespace"] == "llm"
    (image,) = top["images"]
    assert (image["newName"], image["newTag"]) == ("h:5000/a/b", "1.0")
    with pytest.raises(UsageError, match="namespace"):
        write_files.texts("kubernetes", deployment(name="My.Llm"))


def test_files_that_the_checkout_lacks_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no files for swarm"):
        cluster_files.swarm_files(tmp_path)


def test_swarm_is_copied_from_the_checkout(tmp_path: Path) -> None:
    for name in ("swarm/stack.yaml", "proxy/x.cfg", "grafana/other.json"):
        path = tmp_path / "deploy" / name
        path.parent.mkdir(parents=True)
        path.write_text(name, encoding="utf-8")
    names = ("swarm/stack.yaml", "proxy/x.cfg")
    assert cluster_files.swarm_files(tmp_path) == {name: name for name in names}


def test_the_image_is_the_variant_of_the_hardware(tmp_path: Path) -> None:
    loaded = settings_sources.load({}, environ={})
    made = resolve(loaded, "systemd", tmp_path / "out").deployment(
        local.choose(TABLE, {"rocm": ("gfx1100",)})
    )
    assert re.fullmatch(r"mentator/mentator-llm-service:\d+\.\d+\.\d+-rocm", made.image)
    assert (str(made.data), made.demand) == ("/var/lib/mentator", "")


@pytest.mark.parametrize(
    ("kind", "flags", "says"),
    [
        ("helm", {}, ", ".join(KINDS)),
        ("kubernetes", {"port": 8080}, "--port has no effect on kubernetes"),
        ("swarm", {"backend": "cpu"}, "--backend has no effect on swarm"),
        ("systemd", {"host": "example.org"}, "is a name"),
        ("systemd", {"variant": "cpu", "backend": "cuda"}, "has no backend cuda"),
    ],
)
def test_what_cannot_be_deployed_is_refused(
    kind: str, flags: dict[str, object], says: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(settings_sources.load(flags, environ={}), kind, tmp_path / "out")
    assert says in caught.value.message()


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="not an empty folder"):
        resolve(settings_sources.load({}, environ={}), "compose", tmp_path)
    with pytest.raises(UsageError, match="not an empty folder"):
        resolve(settings_sources.load({}, environ={}), "compose", tmp_path / "file")


def test_the_stop_agrees_with_the_service() -> None:
    source = (REPOSITORY / "service/src/app.ts").read_text(encoding="utf-8")
    (last,) = re.findall(r"^const LAST_MSEC = ([\d_]+);$", source, re.MULTILINE)
    assert int(last) / 1000 < STOP_SECONDS
