"""Regular expressions of the table of backends, which JavaScript and Python must read alike."""

from __future__ import annotations

import re

#: A regular expression in the file.
Expression = re.Pattern[str]

#: A part: an escape, a class of characters, the begin of a group, repetitions, or a character.
_PART = re.compile(r"\\.|\[\^?(?:\\.|[^\]\\])+\]|\(\?<?.?|(?:[*+?]|\{[0-9,]*\})[*+?]*|.", re.DOTALL)

#: Of these, what both languages know. The escapes of letters mean the same in both.
_BOTH = re.compile(
    r"\\[dDwWsSbBnrtfv^$.*+?()\[\]{}|/1-9]"
    r"|\[(?:\\[dDwWsSnrtfv^$.*+?()\[\]{}|/-]|[^\\])+\]"
    r"|\((?:\?(?::|=|!|<=|<!))?"
    r"|(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\??"
    r"|[^\\(*+?{}\]]",
    re.DOTALL,
)


def compile_expression(text: str) -> Expression:
    """Raises `ValueError`, with what one of the two languages does not know."""
    for part in _PART.findall(text):
        if not _BOTH.fullmatch(part):
            raise ValueError(f"{text!r} has {part!r}, which Python and JavaScript read differently")
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from None
