"""Says of an exception that is not of the pipeline's own family what its reader can do."""

from __future__ import annotations

import errno
import os
import tempfile
import time
import traceback
from pathlib import Path

from scripts.shared.errors import (
    Bug,
    FileRefused,
    Interrupted,
    NoSpace,
    OutputClosed,
    PipelineError,
)
from scripts.shared.paths import BUILD, REPOSITORY

#: What to do about a refused file, by the system's number; else: look at it.
NEXT = {
    errno.EACCES: "Give it to this user, or name another one (`config` shows them).",
    errno.EPERM: "Give it to this user, or name another one (`config` shows them).",
    errno.EROFS: "Its file system is read-only: name another folder.",
    errno.ENOTDIR: "A file lies where a folder is needed: name a folder, or move the file away.",
    errno.EEXIST: "A file lies where a folder is needed: name a folder, or move the file away.",
    errno.EISDIR: "A folder lies where a file is needed: name a file.",
    errno.ENAMETOOLONG: "Name a shorter path.",
    errno.ELOOP: "Its symbolic links lead to themselves: remove one of them.",
    errno.EMFILE: "Allow more open files: ulimit -n 4096.",
}


def explain(error: BaseException) -> PipelineError:
    """The error of the pipeline's own family that stands for this one."""
    match error:
        case PipelineError():
            return error
        case KeyboardInterrupt():
            return Interrupted(
                "Interrupted.", next="Run the same command again: it continues where it stopped."
            )
        case BrokenPipeError():
            return OutputClosed("The program that reads this output has ended.")
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return NoSpace(
                f"No space is left for {_name(error) or 'a file'}.",
                why=_words(error),
                next="Free some space, or name another folder (`config` shows them).",
            )
        case OSError(filename=name) if name is not None:
            return FileRefused(
                f"{_name(error)} cannot be used.",
                why=_words(error),
                next=NEXT.get(error.errno or 0, "Look at that path: ls -ld PATH"),
            )
        case UnicodeEncodeError():
            return FileRefused(
                f"A name cannot be written in this locale's encoding, {error.encoding}.",
                why=str(error),
                next="Set a UTF-8 locale: export LC_ALL=C.UTF-8",
            )
        case _:
            return _bug(error)


def _bug(error: BaseException) -> Bug:
    last = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    kept = _keep("".join(traceback.format_exception(error)))
    return Bug(
        f"This is a bug in the pipeline: {last[:500]}",
        why=f"Its traceback is in {kept}." if kept else traceback.format_exc(),
        next="Please report it with that traceback: see CONTRIBUTING.md.",
    )


def _keep(text: str) -> Path | None:
    """Write a traceback into `build/`, or where that is not possible into the temporary folder."""
    name = f"bug-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    for folder in (BUILD, Path(tempfile.gettempdir())):
        try:
            if folder.is_relative_to(REPOSITORY):
                folder.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError:
            continue
        return folder / name
    return None


def _name(error: OSError) -> str:
    return os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""


def _words(error: OSError) -> str:
    return f"{error.strerror or error}."
