/** Errors in OpenAI's form: `{"error": {message, type, param, code}}`. */

import { ContextOverflow, EngineLost, messageOf, ServiceError, TimeLimitReached } from "../errors.js";
import { UnknownModel } from "../models/unknown.js";
import { type FormFault, parameterOf } from "./form-fault.js";

/** A fault of one parameter. */
export class ParameterFault extends ServiceError {
    public constructor(
        public readonly param: string,
        message: string,
        public readonly code: string | null = null,
    ) {
        super(400, message);
    }
}

interface OpenAiError {
    readonly status: number;
    readonly body: { readonly error: { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string | null } };
}

const TYPE_OF: Readonly<Record<number, readonly [type: string, code: string | null]>> = {
    401: ["invalid_request_error", "invalid_api_key"],
    429: ["rate_limit_error", "rate_limit_exceeded"],
    500: ["server_error", null],
    503: ["server_error", "service_unavailable"],
};

/** @param status of the Mentator API; here an unknown model is a 404 */
export function openAiError(status: number, thrown: unknown): OpenAiError {
    const message = messageOf(thrown);
    if (thrown instanceof UnknownModel) {
        return { status: 404, body: { error: { message, type: "invalid_request_error", param: "model", code: "model_not_found" } } };
    }
    if (thrown instanceof ContextOverflow) {
        return { status, body: { error: { message, type: "invalid_request_error", param: thrown.of, code: "context_length_exceeded" } } };
    }
    if (thrown instanceof EngineLost) {
        return { status, body: { error: { message, type: "server_error", param: null, code: "engine_restarted" } } };
    }
    if (thrown instanceof TimeLimitReached) {
        return { status, body: { error: { message, type: "invalid_request_error", param: "max_tokens", code: "time_limit_reached" } } };
    }
    const [type, code] = TYPE_OF[status] ?? ["invalid_request_error", null];
    const { validation } = (thrown ?? {}) as { validation?: readonly FormFault[] };
    const param = thrown instanceof ParameterFault ? thrown.param : parameterOf(validation ?? []);
    return { status, body: { error: { message, type, param, code: thrown instanceof ParameterFault ? thrown.code : code } } };
}
