/** POST /v1/embeddings: the body's type, the same as a JSON Schema, and the answer's schema. */

import { USAGE_SCHEMA } from "./shared-schema.js";

export interface EmbeddingBody {
    readonly model: string;
    readonly input: string | readonly string[];
    readonly encoding_format?: "float" | "base64" | null;
    readonly dimensions?: number | null;
}

const TEXT = { type: "string", minLength: 1 } as const;

export const EMBEDDING_SCHEMA = {
    type: "object",
    required: ["model", "input"],
    properties: {
        model: { type: "string", minLength: 1 },
        input: {
            description: "One text or several; lists of tokens are not taken",
            anyOf: [TEXT, { type: "array", minItems: 1, maxItems: 2048, items: TEXT }],
        },
        encoding_format: { anyOf: [{ type: "null" }, { type: "string", enum: ["float", "base64"] }], description: "base64: of 32-bit floats, little-endian" },
        dimensions: { type: ["integer", "null"], minimum: 1, description: "Only the model's own" },
    },
} as const;

export const EMBEDDING_ANSWER = {
    type: "object",
    required: ["object", "data", "model", "usage"],
    properties: {
        object: { type: "string", const: "list" },
        model: { type: "string" },
        data: {
            type: "array",
            items: {
                type: "object",
                required: ["object", "index", "embedding"],
                properties: {
                    object: { type: "string", const: "embedding" },
                    index: { type: "integer" },
                    embedding: { anyOf: [{ type: "array", items: { type: "number" } }, { type: "string" }] },
                },
            },
        },
        usage: USAGE_SCHEMA,
    },
} as const;
