"""The model in the image: chosen, fetched, checked and staged as a build context.

The build calls `provide`, a dry one `describe` and `expected_context`. This room may read the
user's model folders, fetch over HTTP into the pipeline's cache, and write the build contexts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts import without_registry
from scripts.model import catalog, contexts, gguf, stage
from scripts.model.source import (
    Local,
    NothingCame,
    Packaged,
    Places,
    Remote,
    Source,
    choose,
    of_row,
    public_url,
    token_for,
)
from scripts.model.stage import StagedModel
from scripts.shared.console import say, size
from scripts.shared.errors import ModelFetchFailed, ModelMissing
from scripts.shared.paths import home

__all__ = ["StagedModel", "address", "describe", "expected_context", "provide"]

#: How a staged model got there, in the words of the report.
WORDS = {"reflink": "cloned", "link": "linked", "copy": "copied", "kept": "already staged"}


@contextmanager
def provide(
    model_setting: str, cache: Path, root: Path, ca_bundle: Path | None = None
) -> Iterator[StagedModel]:
    """Stage the model for the setting `model`, fetching it into `cache` if needed.

    Its build context is a folder of its own in `root`, which stays as it is until the end. Without
    a setting, where the default is not available, a small model is used instead. Raises the
    `Model...` errors, `NoSpace`, `UsageError`.
    """
    places = Places.of(cache, os.environ, home())
    source = choose(model_setting, places)
    try:
        file = _obtain(source, places, ca_bundle)
    except (NothingCame, ModelMissing) as error:
        if model_setting.strip():
            raise
        source, file = _obtain_small(places, error)
    pinned = source.model.sha256 if source.model else ""
    known = None
    if not pinned:
        gguf.check(file)  # before all of it is read
        known = contexts.sum_of(file, root)
    sha256 = known.sha256 if known else pinned
    context = contexts.folder(root, sha256, file.stat().st_size, stage.staged_name(file))
    contexts.prune(root, keep=context)
    with contexts.in_use(root):
        staged = stage.stage(file, context, sha256=sha256, known=known, source=_words(source))
        say(
            f"Model: {staged.name} ({size(staged.size)}) from {staged.source}; "
            f"{WORDS[staged.how]} in {staged.seconds:.1f} s."
        )
        yield staged


def expected_context(model_setting: str, cache: Path, root: Path) -> Path:
    """The folder in `root` that `provide` would stage into; asks no network, writes nothing."""
    source = choose(model_setting, Places.of(cache, os.environ, home()))
    if source.model:
        file = source.path if isinstance(source, Local) else source.target
        name = stage.staged_name(file)
        return contexts.folder(root, source.model.sha256, source.model.size, name)
    if isinstance(source, Local):
        sha256, count = contexts.sum_of(source.path, root).sha256, source.path.stat().st_size
        return contexts.folder(root, sha256, count, stage.staged_name(source.path))
    return root / "model-not-fetched-yet"


def describe(model_setting: str, cache: Path) -> str:
    """Where `provide` would take the model from; asks no network, writes nothing.

    Raises as `provide` does for a file that is here and is not a model.
    """
    source = choose(model_setting, Places.of(cache, os.environ, home()))
    if isinstance(source, Local):
        gguf.check(source.path)
    return _words(source) + ("" if isinstance(source, Local) else " (to be fetched)")


def address(model_setting: str, cache: Path) -> str:
    """The URL that `provide` would fetch from, as it may be shown; empty where it fetches none."""
    source = choose(model_setting, Places.of(cache, os.environ, home()))
    return (
        public_url(source.url) if isinstance(source, Remote) and not source.target.is_file() else ""
    )


def _obtain(source: Source, places: Places, ca_bundle: Path | None = None) -> Path:
    """The source as a file on this machine."""
    if isinstance(source, Local):
        return source.path
    if isinstance(source, Packaged):
        without_registry.take_model(source.model, source.target)
        return source.target
    from scripts.model import fetch  # loads requests, which a model that is here does not need

    if not source.target.is_file():
        say(f"Fetching {public_url(source.url)} ...")
    model = source.model
    wanted = fetch.Wanted(
        source.url,
        sha256=model.sha256 if model else "",
        bytes=model.size if model else 0,
        token=token_for(source.url, places.endpoint, os.environ.get("HF_TOKEN", "")),
        ca_bundle=ca_bundle,
    )
    fetch.fetch(wanted, source.target)
    return source.target


def _obtain_small(places: Places, error: NothingCame | ModelMissing) -> tuple[Source, Path]:
    why = (error.why or error.what).rstrip(".")
    say(f"{catalog.DEFAULT.name} is not available ({why}): using {catalog.SMALL.name} instead.")
    source = of_row(catalog.SMALL, places)
    try:
        return source, _obtain(source, places)
    except ModelFetchFailed as second:
        raise ModelMissing(
            "No default model is available.",
            why=f"{error.what} {error.why} {second.what} {second.why}",
            next=f"Name a GGUF file with --model, or put {catalog.DEFAULT.file} in {places.gguf}.",
        ) from None


def _words(source: Source) -> str:
    if isinstance(source, Local):
        return str(source.path)
    if isinstance(source, Remote):
        return public_url(source.url)
    return source.model.wheel.requirement if source.model.wheel else source.model.name
