/** Bodies of Ollama's API: types, and the same as JSON Schemas. */

import { nullable } from "../openai/shared-schema.js";

/** Names of Ollama's; request.ts says which have an effect. */
export type Options = Readonly<Record<string, unknown>>;

interface Common {
    readonly model: string;
    readonly stream?: boolean | null;
    readonly format?: string | object | null;
    readonly options?: Options | null;
    readonly keep_alive?: string | number | null;
    readonly think?: boolean | string | null;
}

export interface BodyCall {
    readonly id?: string;
    readonly function: { readonly name: string; readonly arguments?: object };
}

export interface BodyMessage {
    readonly role: "system" | "user" | "assistant" | "tool";
    readonly content?: string | null;
    readonly images?: readonly unknown[] | null;
    readonly tool_calls?: readonly BodyCall[] | null;
    readonly tool_name?: string;
    readonly tool_call_id?: string;
}

export interface BodyTool {
    readonly function: { readonly name: string; readonly description?: string | null; readonly parameters?: object | null };
}

export interface ChatBody extends Common {
    readonly messages?: readonly BodyMessage[] | null;
    readonly tools?: readonly BodyTool[] | null;
}

export interface GenerateBody extends Common {
    readonly prompt?: string | null;
    readonly system?: string | null;
    readonly raw?: boolean | null;
}

export interface EmbedBody {
    readonly model: string;
    readonly input: string | readonly string[];
    readonly dimensions?: number | null;
    readonly keep_alive?: string | number | null;
}

const COMMON = {
    model: { type: "string", minLength: 1, description: "File name, with or without .gguf; `:latest` does not count, another `:TAG` is `-TAG`" },
    stream: { type: ["boolean", "null"], description: "Lines of JSON, which is the default" },
    format: { anyOf: [{ type: "null" }, { type: "string", enum: ["", "json"] }, { type: "object", description: "A JSON Schema" }] },
    options: nullable({ type: "object" }),
    keep_alive: { type: ["string", "number", "null"], description: "Taken; a model stays in memory until another one needs the room" },
    think: { anyOf: [{ type: "null" }, { type: "boolean" }, { type: "string", enum: ["low", "medium", "high"] }], description: "false: what a reasoning model thinks is left out of the answer" },
} as const;

const CALL = {
    type: "object",
    required: ["function"],
    properties: { id: { type: "string" }, function: { type: "object", required: ["name"], properties: { name: { type: "string" }, arguments: { type: "object" } } } },
} as const;

export const CHAT_SCHEMA = {
    type: "object",
    required: ["model"],
    properties: {
        ...COMMON,
        messages: nullable({
            type: "array",
            items: {
                type: "object",
                required: ["role"],
                properties: {
                    role: { type: "string", enum: ["system", "user", "assistant", "tool"] },
                    content: { type: ["string", "null"] },
                    tool_calls: nullable({ type: "array", items: CALL }),
                    tool_name: { type: "string" },
                    tool_call_id: { type: "string" },
                },
            },
        }),
        tools: nullable({
            type: "array",
            maxItems: 128,
            items: {
                type: "object",
                required: ["function"],
                properties: {
                    function: {
                        type: "object",
                        required: ["name"],
                        properties: { name: { type: "string", pattern: "^[a-zA-Z0-9_.-]{1,64}$" }, description: { type: ["string", "null"] }, parameters: nullable({ type: "object" }) },
                    },
                },
            },
        }),
    },
    examples: [{ model: "smollm2-135m-instruct", messages: [{ role: "user", content: "Name a sea." }], stream: false }],
} as const;

export const GENERATE_SCHEMA = {
    type: "object",
    required: ["model"],
    properties: { ...COMMON, prompt: { type: ["string", "null"] }, system: { type: ["string", "null"] }, raw: { type: ["boolean", "null"], description: "The prompt is continued as it is, without a template" } },
} as const;

const TEXT = { type: "string", minLength: 1 } as const;

export const EMBED_SCHEMA = {
    type: "object",
    required: ["model", "input"],
    properties: {
        model: COMMON.model,
        input: { anyOf: [TEXT, { type: "array", minItems: 1, maxItems: 2048, items: TEXT }] },
        dimensions: { type: ["integer", "null"], minimum: 1 },
        truncate: { type: ["boolean", "null"], description: "A text that is too long is refused" },
        keep_alive: COMMON.keep_alive,
    },
} as const;

export const OLD_EMBED_SCHEMA = { type: "object", required: ["model", "prompt"], properties: { model: COMMON.model, prompt: TEXT, keep_alive: COMMON.keep_alive } } as const;

/** Some clients still write `name`. */
export const NAMED_SCHEMA = {
    type: "object",
    properties: { model: TEXT, name: TEXT, stream: { type: ["boolean", "null"] } },
    anyOf: [{ required: ["model"] }, { required: ["name"] }],
} as const;

export const DONE_SCHEMA = {
    type: "object",
    required: ["model", "created_at", "done"],
    properties: {
        model: { type: "string" },
        created_at: { type: "string" },
        response: { type: "string" },
        message: { type: "object" },
        thinking: { type: "string" },
        done: { type: "boolean" },
        done_reason: { type: "string", enum: ["stop", "length", "load"] },
        total_duration: { type: "integer", description: "Nanoseconds, waiting included" },
        load_duration: { type: "integer", description: "Nanoseconds until the model was in memory and had a slot" },
        prompt_eval_count: { type: "integer" },
        prompt_eval_duration: { type: "integer", description: "Nanoseconds" },
        eval_count: { type: "integer" },
        eval_duration: { type: "integer", description: "Nanoseconds" },
    },
} as const;
