"""What schemathesis (SCHEMATHESIS_HOOKS) is told so that valid requests reach a model and end soon.

Only valid values are replaced, by valid ones: what schemathesis made wrong on purpose stays wrong.
"""

from __future__ import annotations

import os
from typing import Any

import schemathesis

MODEL = os.environ["MENTATOR_TEST_MODEL_NAME"]

#: Long enough to see an answer's form.
TOKENS = 4


def _count(value: object) -> bool:
    """A number of tokens; JSON Schema takes 1e300 for an integer as well."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 1


def _shorten(body: dict[str, Any], key: str) -> None:
    if body.get(key) is None or _count(body[key]):
        body[key] = TOKENS


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """The model under test, and few tokens."""
    path = context.operation.path if context.operation else ""
    if not isinstance(body, dict) or "model" not in body:
        return body
    if isinstance(body["model"], str) and body["model"]:
        body["model"] = MODEL
    if path in {"/v1/chat/completions", "/v1/completions"}:
        _shorten(body, "max_tokens")
        if "max_completion_tokens" in body:
            _shorten(body, "max_completion_tokens")
    if path == "/prompt":
        if body.get("options") is None:
            body["options"] = {}
        if isinstance(body["options"], dict):
            _shorten(body["options"], "maxTokens")
        # Each would load the model again.
        for key in ("contextSize", "gpulayer"):
            if _count(body.get(key)):
                body[key] = None
    return body
