"""Debian and Ubuntu: the distribution's own packages, or Debian testing's where those are too old.

Testing is used through a private apt configuration in a temporary folder, at a low priority: no
foreign source stays active on the host, and nothing else is upgraded to it.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from packaging.version import Version

from scripts.docker_engine import packages, versions
from scripts.shared import commands
from scripts.shared.console import say
from scripts.shared.errors import CommandFailed, EngineMissing
from scripts.without_registry import apt_sources

ETC = Path("/etc/apt")

#: A suite's packages are taken only where asked for by `NAME/testing`, or to fulfil such a one.
_PREFERENCES = "Package: *\nPin: release a=testing\nPin-Priority: 50\n"

#: What the host's own sources offer. The installed packages are left out of it: a cut-off
#: installation from testing would look like the release's own otherwise.
POLICY = (
    "apt-cache",
    *("-o", "Dir::State::status=/dev/null"),
    *("-o", "Dir::Cache::pkgcache="),
    *("-o", "Dir::Cache::srcpkgcache="),
    *("policy", "docker.io", "docker-buildx"),
)

_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}


def install(what: str) -> None:
    """Install `what` (`engine` or `plugin`); `CommandFailed` or `EngineMissing` if it cannot be."""
    _recover()
    _run(["apt-get", "-o", "DPkg::Lock::Timeout=300", "update"])
    release = Path("/etc/os-release").read_text(encoding="utf-8")
    policy = commands.check(POLICY)
    if good_enough(candidates(policy)):
        _run(packages.install_argv("apt", what))
        return
    archive = apt_sources.main_archive(apt_sources.read(_source_files()), codename(release))
    if distribution(release) != "debian" or archive is None:
        raise EngineMissing(
            "This distribution's engine is too old, or has no buildx.",
            why=f"apt offers {policy_line(candidates(policy))}.",
            next="Install Docker Engine by its own instructions (docs.docker.com/engine/install).",
        )
    say("the release's own engine is too old: taking docker.io and docker-buildx from testing")
    with _testing(archive) as options:
        _run(["apt-get", *options, "update"])
        _run(packages.testing_argv(options, what))


def candidates(policy: str) -> dict[str, Version | None]:
    """The candidate of each package in the output of `apt-cache policy`; None for `(none)`."""
    blocks = re.findall(r"^(\S+):\n.*?^\s+Candidate: (\S+)", policy, re.MULTILINE | re.DOTALL)
    return {name: versions.parse(candidate) for name, candidate in blocks}


def good_enough(found: Mapping[str, Version | None]) -> bool:
    """Whether the distribution's own packages reach the floors."""
    return not versions.shortfall(found.get("docker.io"), found.get("docker-buildx"))


def policy_line(found: Mapping[str, Version | None]) -> str:
    """The candidates in one line."""
    names = ("docker.io", "docker-buildx")
    return ", ".join(f"{name} {found.get(name) or '(none)'}" for name in names)


def distribution(release: str) -> str:
    """The `ID` in an os-release file."""
    return _release_field(release, "ID")


def codename(release: str) -> str:
    """The `VERSION_CODENAME` in an os-release file."""
    return _release_field(release, "VERSION_CODENAME")


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
def _testing(archive: apt_sources.Source) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory(prefix="mentator-apt-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # apt downloads as its own user
        (folder / "lists").mkdir()
        sources = folder / "src"
        sources.mkdir()
        for path in _source_paths():
            shutil.copy(path, sources)
        stanza = apt_sources.testing_stanza(archive)
        (sources / "mentator-testing.sources").write_text(stanza, encoding="utf-8")
        (folder / "prefs").write_text(_PREFERENCES, encoding="utf-8")
        yield private_options(folder)


def _source_paths(etc: Path = ETC) -> list[Path]:
    parts = etc / "sources.list.d"
    paths = [etc / "sources.list", *sorted(parts.glob("*.list")), *sorted(parts.glob("*.sources"))]
    return [path for path in paths if path.is_file()]


def _source_files() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in _source_paths()}


def broken(status: str) -> list[str]:
    """The packages that were cut off while being unpacked, by `dpkg-query`'s abbreviated states.

    dpkg wants them again and apt cannot: it looks for the archive of a version not yet recorded.
    """
    rows = (line.split() for line in status.splitlines())
    return [row[1] for row in rows if len(row) == 2 and row[0][2:] == "R"]


def _recover() -> None:
    """Finish an installation that was interrupted: dpkg refuses any other until then."""
    journal = Path("/var/lib/dpkg/updates")
    interrupted = journal.is_dir() and any(journal.iterdir())
    if not interrupted and not commands.capture(["dpkg", "--audit"]).out:
        return
    say("dpkg was interrupted: finishing that first")
    _run(["dpkg", "--configure", "-a", "--force-confdef", "--force-confold"])
    states = commands.check(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${binary:Package}\n"])
    if names := broken(states):
        _run(["dpkg", "--remove", "--force-remove-reinstreq", *names])


def _run(argv: list[str]) -> None:
    if commands.run(argv, env=_QUIET) != 0:
        raise CommandFailed(
            f"`{argv[0]}` could not install the engine.",
            why="Its own output above says why.",
            next="Mend it (network, proxy, sources) and run the same command again: it goes on.",
        )


def _release_field(release: str, name: str) -> str:
    match = re.search(rf"^{name}=\"?([^\"\n]*)", release, re.MULTILINE)
    return match[1] if match else ""
