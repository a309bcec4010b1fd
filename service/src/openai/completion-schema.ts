/** POST /v1/completions: the body's type, the same as a JSON Schema, and the answer's schema. */

import { answerSchema, CONTROL_SCHEMA, type Control } from "./shared-schema.js";

export interface CompletionBody extends Control {
    readonly prompt: string | readonly string[];
    readonly echo?: boolean | null;
    readonly suffix?: string | null;
}

export const COMPLETION_SCHEMA = {
    type: "object",
    required: ["model", "prompt"],
    properties: {
        ...CONTROL_SCHEMA,
        prompt: {
            description: "One text or several; lists of tokens are not taken",
            anyOf: [{ type: "string" }, { type: "array", minItems: 1, maxItems: 64, items: { type: "string" } }],
        },
        echo: { type: ["boolean", "null"], description: "The prompt comes before the answer" },
    },
    examples: [{ model: "smollm2-135m-instruct", prompt: "The sea is", max_tokens: 16, stream: true }],
} as const;

export const COMPLETION_ANSWER = answerSchema("text_completion", { text: { type: "string" } }, ["stop", "length"]);
