/** Errors in the form of Anthropic's API: `{"type": "error", "error": {type, message}, "request_id"}`. */

import { ContextOverflow, messageOf } from "../errors.js";
import { UnknownModel } from "../models/unknown.js";

interface AnthropicError {
    readonly status: number;
    readonly body: { readonly type: "error"; readonly error: { readonly type: string; readonly message: string }; readonly request_id: string };
}

/** A client that repeats a request does so for 429 and from 500 on. */
const TYPE_OF: Readonly<Record<number, string>> = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
};

/** @param status of the Mentator API; here an unknown model is a 404 */
export function anthropicError(given: number, thrown: unknown, requestId: string): AnthropicError {
    const status = thrown instanceof UnknownModel ? 404 : given;
    const type = TYPE_OF[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");
    // Agents look for these words, and shorten what they send.
    const message = thrown instanceof ContextOverflow ? `prompt is too long: ${messageOf(thrown)}` : messageOf(thrown);
    return { status, body: { type: "error", error: { type, message }, request_id: requestId } };
}

export const ANTHROPIC_ERROR_SCHEMA = {
    type: "object",
    required: ["type", "error", "request_id"],
    properties: {
        type: { type: "string", const: "error" },
        error: { type: "object", required: ["type", "message"], properties: { type: { type: "string" }, message: { type: "string" } } },
        request_id: { type: "string" },
    },
} as const;

/** Whether the path is one of this API. */
export function isAnthropic(url: string): boolean {
    return /^\/v1\/messages(?:[/?]|$)/.test(url);
}
