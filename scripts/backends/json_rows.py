"""Makes typed rows of JSON: a frozen dataclass is the schema, a fault names its place and key.

A field `engine_runtime` is the key `engineRuntime`. A field without a default must be there, a key
without a field is a fault: it is a misspelled one.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from scripts.shared.errors import UsageError

Row = TypeVar("Row")

#: How the types that a value may have are called in a message.
WORDS = {str: "a text", bool: "true or false"}


def fault(place: str, what: str) -> UsageError:
    """The error for one place of the file, such as `row cuda: signs[0].nodes`."""
    return UsageError(
        f"docker/backends.json: {place} {what}.",
        next="Correct the file; docs/add-a-backend.md explains each key.",
    )


def row(kind: type[Row], data: Any, place: str) -> Row:
    """One object of the file as a dataclass. Raises `UsageError`."""
    if not isinstance(data, dict):
        raise fault(place, "must be an object")
    hints = get_type_hints(kind)
    specs = {camel(spec.name): spec for spec in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in data:
        if key not in specs:
            near = difflib.get_close_matches(key, specs, n=1)
            raise fault(_inside(place, key), f"is unknown{f' (is it {near[0]}?)' if near else ''}")
    values = {}
    for key, spec in specs.items():
        if key in data:
            values[spec.name] = _value(hints[spec.name], data[key], _inside(place, key))
        elif spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING:
            raise fault(_inside(place, key), "is missing")
    return kind(**values)


def camel(name: str) -> str:
    """`engine_runtime` as `engineRuntime`."""
    return re.sub("_(.)", lambda match: match[1].upper(), name)


def _inside(place: str, key: str) -> str:
    return f"{place}{key}" if not place or place.endswith(" ") else f"{place}.{key}"


def _value(hint: Any, value: Any, place: str) -> Any:
    origin = get_origin(hint)
    if origin is types.UnionType:
        kinds = [kind for kind in get_args(hint) if kind is not types.NoneType]
        if len(kinds) == 1:
            return _value(kinds[0], value, place)
        if not any(isinstance(value, kind) for kind in kinds):
            raise fault(place, f"must be {' or '.join(WORDS[kind] for kind in kinds)}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise fault(place, "must be a list")
        kind = get_args(hint)[0]
        return tuple(_value(kind, item, f"{place}[{n}]") for n, item in enumerate(value))
    if origin is Mapping:
        if not isinstance(value, dict):
            raise fault(place, "must be an object")
        kind = get_args(hint)[1]
        return {key: _value(kind, item, _inside(place, key)) for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return row(hint, value, place)  # type: ignore[arg-type]
    if not isinstance(value, hint):
        raise fault(place, f"must be {WORDS[hint]}")
    return value
