/** What the bodies of /v1/chat/completions and /v1/completions have in common. Unknown fields are ignored, those of unsupported.ts refused. */

/** How the answer is generated, by OpenAI's names. */
export interface Control {
    readonly model: string;
    readonly stream?: boolean | null;
    readonly stream_options?: { readonly include_usage?: boolean | null } | null;
    readonly temperature?: number | null;
    readonly top_p?: number | null;
    /** As other local services take them. */
    readonly top_k?: number | null;
    readonly min_p?: number | null;
    /** The names in vLLM and in llama-server; 1: no penalty. */
    readonly repetition_penalty?: number | null;
    readonly repeat_penalty?: number | null;
    readonly max_tokens?: number | null;
    readonly frequency_penalty?: number | null;
    readonly presence_penalty?: number | null;
    readonly logit_bias?: Readonly<Record<string, number>> | null;
    readonly stop?: string | readonly string[] | null;
    readonly seed?: number | null;
    readonly n?: number | null;
    readonly response_format?: ResponseFormat | null;
}

type ResponseFormat =
    | { readonly type: "text" }
    /** With a schema as llama-server takes it. */
    | { readonly type: "json_object"; readonly schema?: object | null }
    | { readonly type: "json_schema"; readonly json_schema: { readonly name?: string; readonly schema?: object } };

/** Answers of one request, at most: each takes a slot. */
const MOST_CHOICES = 8;

/** Some clients send null for fields that they do not set. */
export const nullable = (schema: object): object => ({ anyOf: [{ type: "null" }, schema] });

const STOP_TEXT = { type: "string", minLength: 1, maxLength: 1000 } as const;

export const MAX_TOKENS = { type: ["integer", "null"], minimum: -1, description: "-1: no limit but the context" } as const;

const LOGIT_BIAS = {
    type: "object",
    description: "By a token's id: what is added to its logit; -100: never",
    maxProperties: 1024,
    propertyNames: { pattern: "^[0-9]{1,9}$" },
    additionalProperties: { type: "number", minimum: -100, maximum: 100 },
} as const;

const RESPONSE_FORMAT = {
    type: "object",
    required: ["type"],
    properties: {
        type: { type: "string", enum: ["text", "json_object", "json_schema"] },
        json_schema: { type: "object", properties: { name: { type: "string" }, schema: { type: "object" } } },
        schema: { type: ["object", "null"], description: "With json_object" },
    },
    if: { required: ["type"], properties: { type: { const: "json_schema" } } },
    then: { required: ["json_schema"] },
} as const;

export const CONTROL_SCHEMA = {
    model: { type: "string", minLength: 1, description: "File name, with or without .gguf; see /v1/models" },
    stream: { type: ["boolean", "null"], description: "Server-sent events, the last one [DONE]" },
    stream_options: nullable({ type: "object", properties: { include_usage: { type: ["boolean", "null"] } } }),
    temperature: { type: ["number", "null"], minimum: 0, maximum: 2 },
    top_p: { type: ["number", "null"], minimum: 0, maximum: 1 },
    top_k: { type: ["integer", "null"], minimum: -1, description: "0 and -1: all tokens" },
    min_p: { type: ["number", "null"], minimum: 0, maximum: 1 },
    repetition_penalty: { type: ["number", "null"], exclusiveMinimum: 0, description: "1: none" },
    repeat_penalty: { type: ["number", "null"], exclusiveMinimum: 0, description: "The same" },
    frequency_penalty: { type: ["number", "null"], minimum: -2, maximum: 2 },
    presence_penalty: { type: ["number", "null"], minimum: -2, maximum: 2 },
    logit_bias: nullable(LOGIT_BIAS),
    max_tokens: { ...MAX_TOKENS },
    response_format: nullable(RESPONSE_FORMAT),
    json_schema: { description: "As llama-server takes it: the schema itself" },
    guided_json: { description: "As vLLM takes it: the schema itself" },
    structured_outputs: nullable({ type: "object", properties: { json: { description: "A JSON Schema" } } }),
    stop: { anyOf: [{ type: "null" }, STOP_TEXT, { type: "array", maxItems: 16, items: STOP_TEXT }] },
    seed: { type: ["integer", "null"], minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
    n: { type: ["integer", "null"], minimum: 1, maximum: MOST_CHOICES },
} as const;

export const USAGE_SCHEMA = {
    type: "object",
    required: ["prompt_tokens", "total_tokens"],
    properties: {
        prompt_tokens: { type: "integer" },
        completion_tokens: { type: "integer" },
        total_tokens: { type: "integer" },
        prompt_tokens_details: { type: "object", properties: { cached_tokens: { type: "integer" } } },
    },
} as const;

/** A complete answer. @param choice its fields beside `index`, `finish_reason` and `logprobs` */
export function answerSchema(object: string, choice: Readonly<Record<string, object>>, finishReasons: readonly string[]): object {
    return {
        type: "object",
        required: ["id", "object", "created", "model", "choices", "usage"],
        properties: {
            id: { type: "string" },
            object: { type: "string", const: object },
            created: { type: "integer", description: "Seconds since the epoch" },
            model: { type: "string" },
            choices: {
                type: "array",
                items: {
                    type: "object",
                    required: ["index", ...Object.keys(choice), "finish_reason", "logprobs"],
                    properties: { index: { type: "integer" }, ...choice, finish_reason: { type: "string", enum: finishReasons }, logprobs: { type: "null" } },
                },
            },
            usage: USAGE_SCHEMA,
        },
    };
}
