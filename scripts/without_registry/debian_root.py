"""A stand-in for debian:*-slim: one root file system out of Debian's packages, by mmdebstrap."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from scripts.shared import commands
from scripts.shared.console import say
from scripts.shared.errors import BasesUnreachable, UsageError
from scripts.shared.paths import REPOSITORY
from scripts.shared.proxies import both_spellings

#: Seconds that mmdebstrap has to unmount and delete what it made, on a busy machine.
GRACE = 60.0

#: dpkg's path filters for the stand-in of a slim Debian image.
DPKG_FILTERS = REPOSITORY / "docker" / "bases" / "debian-slim.dpkg"


#: What signs Debian's packages; Ubuntu does not have it by default.
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


#: apt gives these folders to its own user where that one may enter the folder of the cache, else to
#: root: the digest would depend on the mode of a home folder.
SAME_OWNER = (
    'chroot "$1" chown _apt:root /var/lib/apt/lists/partial /var/cache/apt/archives/partial'
)


def argv(suite: str, tar: Path, filters: Sequence[str]) -> list[str]:
    """The call of mmdebstrap. No mirror is named: it uses Debian's default for the suite."""
    options = [f"--dpkgopt={line}" for line in filters]
    options.append(f"--customize-hook={SAME_OWNER}")
    if suite == "testing":
        # A mirror that lags behind a rolling release looks expired after a week.
        options.append('--aptopt=Acquire::Check-Valid-Until "false"')
    # Debian's keyring on an older release may hold the newer release's key and a strict date.
    return ["mmdebstrap", "--variant=minbase", *options, suite, str(tar)]


def filters(path: Path = DPKG_FILTERS) -> list[str]:
    """Dpkg's path filters, without comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def can_build() -> bool:
    """Whether mmdebstrap is here or can be installed."""
    return shutil.which("mmdebstrap") is not None or shutil.which("apt-get") is not None


def missing(*, root: bool) -> list[str]:
    """Packages that are not installed: mmdebstrap, its keys, and without root what maps users."""
    programs = {"mmdebstrap": "mmdebstrap"} | ({} if root else {"newuidmap": "uidmap"})
    absent = [package for program, package in programs.items() if not shutil.which(program)]
    return absent + ([] if KEYRING.exists() else ["debian-archive-keyring"])


def ensure_mmdebstrap(*, yes: bool) -> None:
    """Install mmdebstrap from the distribution where it is missing and that is allowed."""
    packages = missing(root=os.geteuid() == 0)
    if not packages:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if os.geteuid() != 0 or not yes:
        raise UsageError(
            f"{' and '.join(packages)}, needed for the stand-ins for base images: not installed.",
            next=f"Run as root: {' '.join(command)}"
            + ("" if os.geteuid() != 0 else ", or repeat with --yes."),
        )
    say("installing mmdebstrap, which builds the stand-ins for base images")
    commands.check(["apt-get", "update"])
    commands.check(command, env={"DEBIAN_FRONTEND": "noninteractive"})


def build(suite: str, tar: Path) -> None:
    """Build the root file system of `suite` as the tar file `tar`, in the folder of that file.

    SOURCE_DATE_EPOCH clamps all times, so that the same packages give the same bytes.
    """
    environment = {"SOURCE_DATE_EPOCH": "0", **both_spellings()}
    if os.geteuid() == 0:
        # What a SIGKILL leaves lies where the next run looks. Without root, other users' folders
        # are closed to the user of the new name space; its mounts end with it anyway.
        environment["TMPDIR"] = str(tar.parent)
    result = commands.capture(
        argv(suite, tar, filters()), env=environment, grace=GRACE, end_with_us=True
    )
    if result.code != 0:
        tar.unlink(missing_ok=True)
        raise BasesUnreachable(
            f"mmdebstrap could not build Debian {suite}.",
            why=result.err[-1500:],
            next="Check that Debian's packages are in reach: apt-get update.",
        )
