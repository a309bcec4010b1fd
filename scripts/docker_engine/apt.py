"""Installs an engine on Debian and Ubuntu: the distribution's own packages, if they are new enough.

Where they are too old, `scripts.without_registry` takes newer ones from Debian testing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from packaging.version import Version

from scripts import without_registry
from scripts.docker_engine import packages, versions
from scripts.shared import commands
from scripts.shared.console import say
from scripts.shared.errors import CommandFailed

#: Debian's names of the engine and of buildx.
NAMES = ("docker.io", "docker-buildx")

#: What the host's own sources offer. The installed packages are left out: an interrupted
#: installation from testing would look like the release's own otherwise.
POLICY = (
    "apt-cache",
    *("-o", "Dir::State::status=/dev/null"),
    *("-o", "Dir::Cache::pkgcache="),
    *("-o", "Dir::Cache::srcpkgcache="),
    *("policy", *NAMES),
)

_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}


def install(what: str) -> None:
    """Install `what`, `engine` or `plugin`. Raises `CommandFailed`, `EngineMissing`."""
    _finish_interrupted()
    run(["apt-get", "-o", "DPkg::Lock::Timeout=300", "update"])
    found = candidates(commands.check(POLICY))
    if versions.shortfall(found["docker.io"], found["docker-buildx"]):
        words = ", ".join(f"{name} {version or '(none)'}" for name, version in found.items())
        without_registry.install_engine(what, words, run)
    else:
        run(packages.install_argv("apt", what))


def candidates(policy: str) -> dict[str, Version | None]:
    """The candidates for `NAMES` in the output of `apt-cache policy`; None where there is none."""
    blocks = re.findall(r"^(\S+):\n.*?^\s+Candidate: (\S+)", policy, re.MULTILINE | re.DOTALL)
    found = {name: versions.parse(candidate) for name, candidate in blocks}
    return {name: found.get(name) for name in NAMES}


def half_unpacked(status: str) -> list[str]:
    """The packages that were interrupted while being unpacked, by `dpkg-query`'s short states.

    dpkg wants to install them again and apt cannot: it looks for the archive of a version that is
    not recorded yet.
    """
    rows = (line.split() for line in status.splitlines())
    return [row[1] for row in rows if len(row) == 2 and row[0][2:] == "R"]


def run(argv: Sequence[str]) -> None:
    """Run one command of the installation on this terminal. Raises `CommandFailed`."""
    if commands.run(argv, env=_QUIET) != 0:
        raise CommandFailed(
            f"`{argv[0]}` could not install the engine.",
            why="Its own output above says why.",
            next="Fix it (network, proxy, sources) and run the same command again: it continues.",
        )


def _finish_interrupted() -> None:
    """Finish an installation that was interrupted: dpkg refuses any other until then."""
    journal = Path("/var/lib/dpkg/updates")
    interrupted = journal.is_dir() and any(journal.iterdir())
    if not interrupted and not commands.capture(["dpkg", "--audit"]).out:
        return
    say("dpkg was interrupted: finishing that first")
    run(["dpkg", "--configure", "-a", "--force-confdef", "--force-confold"])
    states = commands.check(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${binary:Package}\n"])
    if names := half_unpacked(states):
        run(["dpkg", "--remove", "--force-remove-reinstreq", *names])
