"""`deploy`: looks at the hardware, writes the files, and says what is to be done with them."""

from __future__ import annotations

from pathlib import Path

from scripts.backends import local
from scripts.backends import table as backends
from scripts.deploy import cluster_files, compose_file, quadlet, systemd_unit
from scripts.deploy.deploy_request import DeployRequest
from scripts.deploy.deployment import VARIABLES, Deployment, variables_file
from scripts.deploy.systemd_unit import FOLDER
from scripts.host import hardware
from scripts.host.surface import look
from scripts.shared.console import say, warn


def deploy(request: DeployRequest) -> None:
    """Write the files for this machine into the folder, which is made."""
    table = backends.read()
    found = [hardware.judge(mode, look(mode)) for mode in table.modes if mode.signs]
    for each in found:
        if each.state == "broken":
            warn(f"{each.mode.title} cannot be used: {each.said}. {each.next}")
    choice = local.choose(table, hardware.present(found), request.backend)
    deployment = request.deployment(choice)
    files = texts(request.kind, deployment)
    write(request.output, files)
    about = "" if request.kind == "swarm" else f"for {deployment.mode.title} ({choice.reason}): "
    say(f"{about}{', '.join(sorted(files))}")
    for line in steps(request.kind, deployment, request.output):
        say(line)


def texts(kind: str, deployment: Deployment) -> dict[str, str]:
    """The files of a kind by their paths. Pure, but for the checkout's own files."""
    variables = {VARIABLES: variables_file(deployment)}
    name = deployment.name
    match kind:
        case "systemd":
            return {f"{name}.service": systemd_unit.unit(deployment), **variables}
        case "quadlet":
            return {f"{name}.container": quadlet.container(deployment), **variables}
        case "compose":
            return {"compose.yaml": compose_file.compose(deployment), **variables}
        case "kubernetes":
            there = cluster_files.kubernetes_files()
            backend = deployment.demand or deployment.mode.name
            return cluster_files.kubernetes(there, backend, deployment.image, name)
        case _:
            return cluster_files.swarm_files()


def write(folder: Path, files: dict[str, str]) -> None:
    """Write the files; that of the variables may hold a key, so it is its owner's alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600 if name == VARIABLES else 0o644)
        path.write_text(text, encoding="utf-8")


def steps(kind: str, deployment: Deployment, folder: Path) -> list[str]:
    """What is to be done next, as commands."""
    name = deployment.name
    variables = f"sudo install -D --mode 600 {folder / VARIABLES} {FOLDER}/{VARIABLES}"
    match kind:
        case "systemd":
            return [
                variables,
                f"sudo install --mode 644 {folder / name}.service /etc/systemd/system/",
                f"sudo systemctl daemon-reload && sudo systemctl enable --now {name}",
            ]
        case "quadlet":
            return [
                variables,
                f"sudo mkdir -p {deployment.data}",
                f"sudo install -D --mode 644 -t /etc/containers/systemd {folder / name}.container",
                f"sudo systemctl daemon-reload && sudo systemctl start {name}",
            ]
        case "compose":
            return [f"docker compose --project-directory {folder} up --detach"]
        case "kubernetes":
            return [
                f"kubectl create namespace {name}",
                f"kubectl --namespace {name} create secret generic mentator-api-key "
                '--from-literal=apiKey="$(openssl rand -hex 20)"',
                f"kubectl apply -k {folder}",
            ]
        case _:
            stack = folder / "swarm" / "stack.yaml"
            return [f"docker stack deploy --compose-file {stack} mentator"]
