/** What the OpenAPI document says about answers. They are sent as they are: a schema removes nothing. */

const DURATION_SCHEMA = {
    type: "object",
    description: "Milliseconds",
    required: ["promptMsec", "queueMsec"],
    properties: {
        promptMsec: { type: "integer", minimum: 0, description: "From leaving the queue to the answer, loading included" },
        queueMsec: { type: "integer", minimum: 0, description: "Wait in the queue" },
    },
} as const;

/** What /prompt and /embedding answer. */
export function timedAnswer(required: readonly string[], result: Readonly<Record<string, object>>): object {
    return {
        type: "object",
        required: ["duration", "result"],
        properties: {
            duration: DURATION_SCHEMA,
            result: {
                type: "object",
                required,
                properties: { loadModelStatus: { type: "string", enum: ["load", "exists"] }, ...result },
            },
        },
    };
}

/** Every error of the Mentator API. */
const ERROR_SCHEMA = {
    type: "object",
    required: ["error"],
    properties: { error: { type: "string" } },
} as const;

/** Errors of /prompt and /embedding. */
export const TIMED_ERROR_SCHEMA = {
    type: "object",
    required: ["error", "duration"],
    properties: { error: { type: "string" }, duration: DURATION_SCHEMA },
} as const;

/** Errors of the OpenAI-compatible API. */
export const OPENAI_ERROR_SCHEMA = {
    type: "object",
    required: ["error"],
    properties: {
        error: {
            type: "object",
            required: ["message", "type", "param", "code"],
            properties: {
                message: { type: "string" },
                type: { type: "string" },
                param: { type: ["string", "null"] },
                code: { type: ["string", "null"] },
            },
        },
    },
} as const;

const MEANING: Readonly<Record<number, string>> = {
    400: "The request is faulty",
    401: "An API key is needed, and the request has none or a wrong one",
    403: "The operator does not allow it, at all or with this API key; without a key also: a page of another origin, or a host name that is not in allowedHosts",
    404: "No such path or model",
    405: "The path does not take this method",
    409: "Something else stands in the way",
    413: "The body is too large",
    429: "The queue is full, or the API key has sent too much; see Retry-After",
    500: "The service failed",
    502: "The host of the model cannot be reached, or gives something else",
    503: "Starting or shutting down; see Retry-After",
    507: "No space left, or the folder cannot be written",
};

const RETRY_AFTER = { "Retry-After": { type: "string", description: "Seconds" } } as const;

/** Errors that any call of a kind may end with. */
export const PLAIN_ERRORS = [400, 401, 403, 500] as const;
export const BODY_ERRORS = [400, 401, 403, 413, 500] as const;
export const MODEL_ERRORS = [400, 401, 403, 413, 429, 500, 503] as const;

/** Fastify's `response` map: the good answer and the errors, all of one form. */
export function answers(good: object, errors: readonly number[] = PLAIN_ERRORS, form: object = ERROR_SCHEMA): Record<number, object> {
    const map: Record<number, object> = { 200: { description: "The answer", ...good } };
    for (const status of errors) {
        const waits = status === 429 || status === 503 ? { headers: RETRY_AFTER } : {};
        map[status] = { description: MEANING[status] ?? "Error", ...waits, ...form };
    }
    return map;
}

/** Of an answer that is text and not JSON. */
export function textAnswer(description: string, type = "text/plain"): object {
    return { description, content: { [type]: { schema: { type: "string" } } } };
}

/** One server-sent event: before version 3.2, OpenAPI describes a stream by the form of each of its events. */
const EVENT = {
    type: "object",
    required: ["data"],
    properties: { data: { type: "string", description: "A piece of the answer as JSON; the last one is [DONE]" } },
} as const;

/** Of an answer that is JSON or, unless the request asks for one answer, lines of it. */
export function linesAnswer(schema: object): object {
    return { description: "The answer", content: { "application/json": { schema }, "application/x-ndjson": { schema } } };
}

/** Of an answer that is JSON or, when the request asks for it, a stream of it. */
export function streamableAnswer(schema: object): object {
    return { description: "The answer", content: { "application/json": { schema }, "text/event-stream": { schema: EVENT } } };
}
