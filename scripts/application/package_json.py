"""The application that goes into the image: its folder, and what its package.json says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scripts.application import git_reference, revision, semantic_version
from scripts.application.revision import Revision
from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY, expand

LLAMA = "node-llama-cpp"
LOCK = "package-lock.json"

#: Corrections of node-llama-cpp's native part, and what compiling it takes beside it.
ADDON = "patches/addon"
HEADERS = "node-api-headers"

#: The prebuilt packages that an image is made of, whatever its variant.
PREBUILTS = tuple(
    f"@node-llama-cpp/linux-x64{kind}" for kind in ("", "-cuda", "-cuda-ext", "-vulkan")
)


@dataclass(frozen=True)
class Application:
    """A node-llama-cpp application; `llama` is the version of node-llama-cpp that it locks.

    `addon` is the Dockerfile's word for its native part: `stock`, or `corrected` where the
    application has `patches/addon`.
    """

    path: Path
    name: str
    version: str
    license: str
    llama: str = ""
    addon: str = "stock"
    revision: Revision = field(default_factory=Revision)


def provide(named: str, cache: Path) -> Application:
    """The application that `--app` names: a folder, a git reference, or empty for `service/`.

    What lies in git is fetched into `cache`. Raises what `read`, `git_reference` and
    `git_checkout` raise.
    """
    reference = None if expand(named).is_dir() else git_reference.parse(named)
    if reference is None:
        app = read(named)
        return replace(app, revision=revision.of(app.path))
    from scripts.application import git_checkout  # only here: most builds take a folder

    checkout = git_checkout.fetch(reference, cache)
    return replace(read(str(checkout.path)), revision=checkout.revision)


def read(folder: str) -> Application:
    """Read the application in `folder` (empty: the bundled `service/`).

    Raises `UsageError` where it lacks what the build relies on: package.json with name, version
    and a `buildjs` script, node-llama-cpp in its dependencies, a lock of npm's with it.
    """
    path = expand(folder).resolve() if folder else REPOSITORY / "service"
    manifest = path / "package.json"
    package = _object(manifest)
    faults = [
        text
        for text, wrong in (
            ("it has no name", not package.get("name")),
            ("it has no version", not package.get("version")),
            ("it has no script `buildjs`", "buildjs" not in package.get("scripts", {})),
            (
                "node-llama-cpp is not in its dependencies",
                LLAMA not in package.get("dependencies", {}),
            ),
            ("there is no package-lock.json beside it", not (path / LOCK).is_file()),
        )
        if wrong
    ]
    if faults:
        raise UsageError(
            f"{manifest} is not the package.json of an application: {'; '.join(faults)}.",
            why="The image is made with `npm ci` and `npm run buildjs`, "
            "which writes distjs/index.js, around node-llama-cpp.",
            next="Add what is missing"
            + ("; `npm install` writes the lock." if not (path / LOCK).is_file() else "."),
        )
    version = str(package["version"])
    check_version(version, manifest)
    llama = llama_version(_object(path / LOCK), path / LOCK)
    addon = "corrected" if (path / ADDON).is_dir() else "stock"
    if addon == "corrected" and HEADERS not in package.get("devDependencies", {}):
        raise UsageError(
            f"{manifest} does not have {HEADERS} in its devDependencies.",
            why=f"The application has {ADDON}: node-llama-cpp's native part is compiled with it, "
            "against Node's headers.",
            next=f"npm install --save-dev {HEADERS}",
        )
    name, terms = package["name"], str(package.get("license", ""))
    return Application(path, name, version, terms, llama, addon)


def llama_version(lock: dict[str, Any], where: Path) -> str:
    """The version of node-llama-cpp in a lock, whose prebuilt packages have to be of the same one.

    The image's GPU backends come from them, and are loaded by its addon.
    """
    packages = lock.get("packages")
    if not isinstance(packages, dict):
        raise UsageError(
            f"{where} cannot be used.",
            why=f"Its lockfileVersion is {lock.get('lockfileVersion')}, 2 is the lowest.",
            next="Run `npm install --package-lock-only` with npm 7 or newer.",
        )
    found = {name: packages.get(f"node_modules/{name}", {}).get("version") for name in PREBUILTS}
    version = packages.get(f"node_modules/{LLAMA}", {}).get("version")
    wrong = [f"{name} {locked or 'missing'}" for name, locked in found.items() if locked != version]
    if not version or wrong:
        raise UsageError(
            f"{where} does not lock node-llama-cpp as the image's backends need it.",
            why=f"It locks node-llama-cpp {version}, but {', '.join(wrong)}."
            if version
            else "It does not lock node-llama-cpp at its top.",
            next="Lock node-llama-cpp 3 with its optional packages for linux-x64, -cuda, -cuda-ext "
            "and -vulkan: `npm install --package-lock-only`, without --omit=optional.",
        )
    return str(version)


def _object(path: Path) -> dict[str, Any]:
    """A JSON file that has to hold an object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read.",
            why=str(error),
            next="Name an application's folder or git reference with --app.",
        ) from None
    if not isinstance(value, dict):
        raise UsageError(f"{path} cannot be read.", why="It holds no JSON object.")
    return value


def check_version(version: str, where: Path) -> None:
    """Refuse what npm does not take as a version."""
    if semantic_version.parse(version) is None:
        raise UsageError(
            f"{where}: {version!r} is not a version.",
            why="npm takes semantic versions: 1.0.0, 1.0.0-next.3, 1.0.0+build.5.",
            next="Write MAJOR.MINOR.PATCH, see https://semver.org.",
        )
