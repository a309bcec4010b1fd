"""Takes an engine out of Debian testing, for a Debian release whose own one is too old.

Testing is used through a private apt configuration in a temporary folder, at a low priority: no
foreign source stays active on the host, and nothing else is upgraded to it.
"""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scripts.docker_engine import packages
from scripts.shared.console import say
from scripts.shared.errors import EngineMissing
from scripts.without_registry import apt_sources

ETC = Path("/etc/apt")

#: Packages that are taken from Debian testing where the release's own are below the floor. Debian
#: 12 has docker.io 20.10 and no docker-buildx; testing's need only libc6 >= 2.34. runc, iptables
#: and the rest stay the release's own.
FROM_TESTING = ("docker.io", "docker-buildx", "docker-cli", "containerd")

#: A suite's packages are taken only where asked for by `NAME/testing`, or to fulfil such a one.
_PREFERENCES = "Package: *\nPin: release a=testing\nPin-Priority: 50\n"


def install(what: str, offered: str, run: Callable[[Sequence[str]], None]) -> None:
    """Install `what`, `engine` or `plugin`, with `run`; `offered` is what the release has.

    Raises `EngineMissing` on anything but Debian, and what `run` raises.
    """
    release = platform.freedesktop_os_release()
    sources = apt_sources.read({path.name: path.read_text("utf-8") for path in source_paths()})
    archive = apt_sources.main_archive(sources, release.get("VERSION_CODENAME", ""))
    if release["ID"] != "debian" or archive is None:
        raise EngineMissing(
            "This distribution's engine is too old, or has no buildx.",
            why=f"apt offers {offered}.",
            next="Install Docker Engine by its own instructions (docs.docker.com/engine/install).",
        )
    say("the release's own engine is too old: taking docker.io and docker-buildx from testing")
    with with_testing(archive) as options:
        run(["apt-get", *options, "update"])
        run(install_argv(options, what))


def install_argv(options: Sequence[str], what: str) -> list[str]:
    """The command that installs `what` from Debian testing, with a private configuration."""
    row = packages.MANAGERS["apt"]
    wanted = [*packages.names("apt", what), *(["containerd"] if what == "engine" else [])]
    targets = [f"{name}/testing" if name in FROM_TESTING else name for name in wanted]
    return [row.program, *options, *row.install, *targets]


def private_options(folder: Path) -> list[str]:
    """The options that make apt use the sources, lists and preferences in `folder`.

    Suites of testing may look expired on a mirror; the caches would be the host's own otherwise.
    """
    settings = {
        "Dir::Etc::SourceParts": folder / "src",
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::Preferences": folder / "prefs",
        "Dir::State::Lists": folder / "lists",
        "Acquire::Check-Valid-Until": "false",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


@contextmanager
def with_testing(archive: apt_sources.Source) -> Iterator[list[str]]:
    """Options with which apt knows testing beside the host's sources; `update` comes first."""
    with tempfile.TemporaryDirectory(prefix="mentator-apt-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # apt downloads as its own user
        (folder / "lists").mkdir()
        sources = folder / "src"
        sources.mkdir()
        for path in source_paths():
            shutil.copy(path, sources)
        stanza = apt_sources.testing_stanza(archive)
        (sources / "mentator-testing.sources").write_text(stanza, encoding="utf-8")
        (folder / "prefs").write_text(_PREFERENCES, encoding="utf-8")
        yield private_options(folder)


def source_paths(etc: Path = ETC) -> list[Path]:
    """The files in which apt's sources stand."""
    parts = etc / "sources.list.d"
    paths = [etc / "sources.list", *sorted(parts.glob("*.list")), *sorted(parts.glob("*.sources"))]
    return [path for path in paths if path.is_file()]
