/** The body of POST /prompt: its type, and the same as a JSON Schema. */

import { OPTION_PROPERTIES } from "../config/option-table.js";

interface AnswerFormat {
    /** true: the generation is constrained by the schema; false: the answer is only validated. */
    readonly useGrammar: boolean;
    /** null: none. */
    readonly jsonSchema: object | null;
}

export interface PromptRequest {
    readonly model: string;
    readonly message: { readonly user: string; readonly system?: string | null };
    /** Time limit of the generation. */
    readonly durationMsec: number;
    readonly options?: object | null;
    readonly format?: AnswerFormat | null;
    readonly gpulayer?: number | null;
    readonly contextSize?: number | null;
    readonly toolServer?: readonly string[] | null;
}

/** Only describes: a value that cannot be used is replaced by its default, and the log tells. */
export const OPTIONS_SCHEMA = {
    type: "object",
    description: "A value of another type or out of its range is replaced by its default, and unknown names are dropped, as in version 1.1.3",
    properties: OPTION_PROPERTIES,
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
            properties: { user: { type: "string" }, system: { type: ["string", "null"] } },
        },
        durationMsec: { type: "integer", minimum: 1, maximum: LONGEST_MSEC },
        options: { type: ["object", "null"], description: "See POST /check/options" },
        format: nullable({
            type: "object",
            required: ["useGrammar", "jsonSchema"],
            properties: { useGrammar: { type: "boolean" }, jsonSchema: { type: ["object", "null"] } },
        }),
        gpulayer: { type: ["integer", "null"], minimum: 0 },
        contextSize: { type: ["integer", "null"], minimum: 512 },
        toolServer: { type: ["array", "null"], items: { type: "string" } },
    },
} as const;
