/** The body of POST /prompt: its type, and the same as a JSON Schema. */

import type { GenerationOptions } from "../config/configuration.js";

interface AnswerFormat {
    /** true: the generation is constrained by the schema; false: the answer is only validated. */
    readonly useGrammar: boolean;
    readonly jsonSchema: object;
}

export interface PromptRequest {
    readonly model: string;
    readonly message: { readonly user: string; readonly system?: string | null };
    /** Time limit of the generation. */
    readonly durationMsec: number;
    readonly options?: Partial<GenerationOptions> | null;
    readonly format?: AnswerFormat | null;
    readonly gpulayer?: number | null;
    readonly contextSize?: number | null;
    readonly toolServer?: readonly string[] | null;
}

export const OPTIONS_SCHEMA = {
    type: "object",
    additionalProperties: false,
    properties: {
        temperature: { type: "number", minimum: 0 },
        topP: { type: "number", minimum: 0, maximum: 1 },
        topK: { type: "integer", minimum: 0 },
        minP: { type: "number", minimum: 0, maximum: 1 },
        maxTokens: { type: "integer", minimum: 1 },
        repeatPenalty: { type: "number", minimum: 0 },
        seed: { type: "integer", minimum: 0, maximum: 4294967295 },
    },
} as const;

/** The longest time that setTimeout takes, about 24 days. */
const LONGEST_MSEC = 2_147_483_647;

/** Some clients send null for fields that they do not set. */
const nullable = (schema: object): object => ({ anyOf: [{ type: "null" }, schema] });

export const PROMPT_SCHEMA = {
    type: "object",
    required: ["model", "message", "durationMsec"],
    properties: {
        model: { type: "string", minLength: 1 },
        message: {
            type: "object",
            required: ["user"],
            properties: { user: { type: "string", minLength: 1 }, system: { type: ["string", "null"] } },
        },
        durationMsec: { type: "integer", minimum: 1, maximum: LONGEST_MSEC },
        options: nullable(OPTIONS_SCHEMA),
        format: nullable({
            type: "object",
            required: ["useGrammar", "jsonSchema"],
            properties: { useGrammar: { type: "boolean" }, jsonSchema: { type: "object" } },
        }),
        gpulayer: { type: ["integer", "null"], minimum: 0 },
        contextSize: { type: ["integer", "null"], minimum: 512 },
        toolServer: { type: ["array", "null"], items: { type: "string" } },
    },
} as const;
