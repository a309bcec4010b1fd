"""What the rows of docker/backends.json are made of: the base of their types, and kinds of text."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

#: The value of `MENTATOR_BACKEND` that leaves the choice to the container.
AUTO = "auto"

#: Names are parts of tags, stages and variables. A variant of all modes is called `universal`.
Name = Annotated[str, Meta(pattern=rf"\A(?!(?:{AUTO}|universal)\Z)[a-z][a-z0-9]*\Z")]

#: A relative path without `..`; only its last part may be a pattern.
_PATH = r"\A(?!.*(?:^|/)\.{1,2}(?:/|$))(?:[^/*?\[\]]+/)*(?:[^/*?\[\]]|\*|\[0-9\])+\Z"
PathPattern = Annotated[str, Meta(pattern=_PATH)]

#: A folder in the data folder.
Folder = Annotated[str, Meta(pattern=r"\A(?:(?!\.{1,2}(?:/|\Z))[^/]+(?:/|\Z))+\Z")]

#: A variable of the environment, a flag of `build`.
Variable = Annotated[str, Meta(pattern=r"\A[A-Z_][A-Z0-9_]*\Z")]
OptionalVariable = Annotated[str, Meta(pattern=r"\A(?:[A-Z_][A-Z0-9_]*)?\Z")]
Flag = Annotated[str, Meta(pattern=r"\A--[a-z]+(?:-[a-z]+)*\Z")]


class Row(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A part of the file: the field `engine_runtime` is the key `engineRuntime`."""
