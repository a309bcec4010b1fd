"""The one family of errors that the pipeline raises, each with an exit code of its own.

They are raised wherever the fault is known and turned into a message in one place,
`scripts.shared.edge`. Exit codes are part of the interface: CI steps and shell scripts branch on
them, so a code is never given a new meaning.
"""

from __future__ import annotations


class PipelineError(Exception):
    """A fault that its reader can act upon.

    `what` happened, `why` (as far as it is known), and what to do `next`; each one sentence or a
    few, without a traceback. `why` and `next` may be empty.
    """

    exit_code = 1

    def __init__(self, what: str, why: str = "", next: str = "") -> None:  # noqa: A002
        super().__init__(what)
        self.what = what
        self.why = why
        self.next = next

    def message(self) -> str:
        """The message as printed: what on the first line, then why and next, indented."""
        lines = [f"error: {self.what}"]
        lines += [f"  why:  {self.why}"] if self.why else []
        lines += [f"  next: {self.next}"] if self.next else []
        return "\n".join(lines)


class UsageError(PipelineError):
    """A setting or an argument that cannot be used."""

    exit_code = 2


class EngineError(PipelineError):
    """No engine can be used; only its subclasses are raised."""


class EngineMissing(EngineError):
    """No Docker engine answers and none is installed."""

    exit_code = 3


class EngineUnreachable(EngineError):
    """An engine is configured or installed and does not answer."""

    exit_code = 4


class EngineTooOld(EngineError):
    """Engine or buildx are below the floor, or buildx is missing."""

    exit_code = 5


class EngineDenied(EngineError):
    """The engine is there, this user may not use, start or install it."""

    exit_code = 6


class NoSpace(PipelineError):
    """A file system has too little room for the next step."""

    exit_code = 7


class BasesUnreachable(PipelineError):
    """The base images are available neither from the registry nor from packages."""

    exit_code = 8


class CommandFailed(PipelineError):
    """A command that the pipeline ran exited with a status that was not expected."""

    exit_code = 9


class ModelMissing(PipelineError):
    """The model named, or any default, cannot be found."""

    exit_code = 10


class ModelInvalid(PipelineError):
    """A file is there and is not a usable GGUF model, or not the one that was asked for."""

    exit_code = 11


class ModelFetchFailed(PipelineError):
    """A model's download failed; what was received is kept for the next try."""

    exit_code = 12


class ApplicationMissing(PipelineError):
    """The git repository named with `--app`, its reference or its folder cannot be fetched."""

    exit_code = 13


class HeldElsewhere(PipelineError):
    """Another process or checkout of this pipeline holds what this one needs."""

    exit_code = 14


class FileRefused(PipelineError):
    """The system refused to read or write a file or a folder."""

    exit_code = 15


class BuildFailed(PipelineError):
    """`docker buildx build` failed."""

    exit_code = 20


class ImageMissing(PipelineError):
    """A step needs a built image, or its record, and there is none."""

    exit_code = 21


class OverBudget(PipelineError):
    """An image is larger than its variant's budget in docker/budgets.json."""

    exit_code = 22


class ContainerFailed(PipelineError):
    """The container did not start, ended by itself, or did not become healthy."""

    exit_code = 30


class AskFailed(PipelineError):
    """The service answered a prompt with an error, or not at all."""

    exit_code = 31


class ChecksFailed(PipelineError):
    """Linters or tests found faults."""

    exit_code = 40


class NotTested(PipelineError):
    """What is to be published is not what the smoke tests passed."""

    exit_code = 50


class LoginMissing(PipelineError):
    """The registry wants a login."""

    exit_code = 51


class PublishFailed(PipelineError):
    """The registry refused the push, or the push was interrupted."""

    exit_code = 52


class NotTrusted(PipelineError):
    """An image's signature, SBOM or provenance is missing, or not by the signer that was named."""

    exit_code = 53


class TrustUnavailable(PipelineError):
    """Nothing could be signed or verified: a program, a key or the registry is missing."""

    exit_code = 54


class Vulnerable(PipelineError):
    """A package of an image has a critical vulnerability that a newer version does not have."""

    exit_code = 55


class NotLookedUp(PipelineError):
    """The database of vulnerabilities did not answer, or not for all packages: nothing is known."""

    exit_code = 56


class DoctorFailed(PipelineError):
    """`invoke doctor` found something that keeps the pipeline from working."""

    exit_code = 60


class Bug(PipelineError):
    """A fault of the pipeline itself; 70 is EX_SOFTWARE of sysexits.h."""

    exit_code = 70


class Interrupted(PipelineError):
    """Ctrl-C or SIGTERM; 130 is what a shell reports for SIGINT."""

    exit_code = 130


class OutputClosed(PipelineError):
    """Who reads the output has ended (`... | head`); 141 is what a shell reports for SIGPIPE."""

    exit_code = 141
