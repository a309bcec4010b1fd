from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from scripts.docker_engine import mounts
from scripts.without_registry.work_folder import processes, remove, remove_stale, work_folder

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


def test_the_folder_is_removed_at_the_end_and_after_an_interruption(tmp_path: Path) -> None:
    with work_folder(tmp_path) as work:
        (work / "file").touch()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt), work_folder(tmp_path):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@needs_root
def test_what_a_killed_run_left_mounted_is_unmounted_and_removed(tmp_path: Path) -> None:
    stale = tmp_path / ".work-stale" / "mmdebstrap.x"
    kept = tmp_path / "debian-0123"
    for point in (stale / "proc", stale / "dev" / "shm", kept):
        point.mkdir(parents=True)
    for point in (stale / "proc", stale / "dev" / "shm"):
        if subprocess.run(["mount", "-t", "tmpfs", "none", point], check=False).returncode:
            pytest.skip("this container may not mount")
    (stale / "proc" / "file").touch()
    remove_stale(tmp_path)
    assert mounts.left([tmp_path]) == []
    assert list(tmp_path.iterdir()) == [kept]


@needs_root
def test_a_process_that_a_killed_run_left_is_ended(tmp_path: Path) -> None:
    """One whose root directory is in the folder, as that of a package's script is."""
    folder = tmp_path / ".work-x"
    folder.mkdir()
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    pid = os.fork()
    if pid == 0:
        os.chroot(folder)
        os.open("/fifo", os.O_WRONLY)  # tells that the root is changed
        signal.pause()
        os._exit(0)
    fifo.open("rb").close()
    assert processes(folder) == [pid]
    remove(folder)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9
    assert not folder.exists()
