/** POST /v1/messages: the body's type, the same as a JSON Schema, and the answer's schema. */

import { nullable } from "../openai/shared-schema.js";

/** A block of a message's content; which ones can be read, request.ts says. */
export interface Block {
    readonly type: string;
    readonly text?: string;
    /** Of a tool_use. */
    readonly id?: string;
    readonly name?: string;
    readonly input?: object;
    /** Of a tool_result. */
    readonly tool_use_id?: string;
    readonly content?: string | readonly Block[] | null;
    readonly is_error?: boolean | null;
}

export interface BodyMessage {
    readonly role: "user" | "assistant";
    readonly content: string | readonly Block[];
}

export interface BodyTool {
    /** "custom" or absent for the client's own tools. */
    readonly type?: string | null;
    readonly name: string;
    readonly description?: string | null;
    readonly input_schema?: object;
}

interface BodyToolChoice {
    readonly type: "auto" | "any" | "tool" | "none";
    readonly name?: string;
    readonly disable_parallel_tool_use?: boolean | null;
}

interface OutputFormat {
    readonly type: string;
    readonly schema?: object;
}

/** What counts for a prompt's length. */
export interface PromptBody {
    readonly model: string;
    readonly messages: readonly BodyMessage[];
    readonly system?: string | readonly Block[] | null;
    readonly tools?: readonly BodyTool[] | null;
    readonly tool_choice?: BodyToolChoice | null;
    readonly thinking?: { readonly type: string } | null;
    readonly output_config?: { readonly format?: OutputFormat | null } | null;
    readonly output_format?: OutputFormat | null;
}

export interface MessagesBody extends PromptBody {
    readonly max_tokens: number;
    readonly stream?: boolean | null;
    readonly stop_sequences?: readonly string[] | null;
    readonly temperature?: number | null;
    readonly top_p?: number | null;
    readonly top_k?: number | null;
}

/** Without effect here, but a fault in it is a client's fault. */
const CACHE_CONTROL = { ...nullable({ type: "object", required: ["type"], properties: { type: { type: "string", const: "ephemeral" }, ttl: { type: ["string", "null"] } } }), description: "Taken, without effect" };

const BLOCK = {
    type: "object",
    required: ["type"],
    properties: {
        type: { type: "string", description: "text, tool_use, tool_result; thinking is left out; others cannot be read" },
        text: { type: "string" },
        id: { type: "string", minLength: 1, maxLength: 200 },
        name: { type: "string" },
        input: { type: "object" },
        tool_use_id: { type: "string" },
        content: { anyOf: [{ type: "null" }, { type: "string" }, { type: "array", items: { type: "object", required: ["type"], properties: { type: { type: "string" }, text: { type: "string" }, cache_control: CACHE_CONTROL } } }] },
        is_error: { type: ["boolean", "null"] },
        cache_control: CACHE_CONTROL,
    },
} as const;

const CONTENT = { anyOf: [{ type: "string" }, { type: "array", items: BLOCK }] } as const;

const TOOL = {
    type: "object",
    required: ["name"],
    properties: {
        type: { type: ["string", "null"], description: "custom; tools that the API's own servers run are not here" },
        name: { type: "string", pattern: "^[a-zA-Z0-9_.-]{1,128}$" },
        description: { type: ["string", "null"] },
        input_schema: { type: "object", description: "JSON Schema of the input" },
        cache_control: CACHE_CONTROL,
    },
} as const;

const TOOL_CHOICE = {
    type: "object",
    required: ["type"],
    properties: {
        type: { type: "string", enum: ["auto", "any", "tool", "none"] },
        name: { type: "string" },
        disable_parallel_tool_use: { type: ["boolean", "null"] },
    },
    if: { properties: { type: { const: "tool" } } },
    then: { required: ["name"] },
} as const;

const FORMAT = nullable({ type: "object", required: ["type", "schema"], properties: { type: { type: "string", const: "json_schema" }, schema: { type: "object" } } });

const PROMPT = {
    model: { type: "string", minLength: 1, description: "File name, with or without .gguf; see /v1/models" },
    messages: {
        type: "array",
        minItems: 1,
        items: { type: "object", required: ["role", "content"], properties: { role: { type: "string", enum: ["user", "assistant"] }, content: CONTENT } },
    },
    system: { anyOf: [{ type: "null" }, ...CONTENT.anyOf] },
    tools: nullable({ type: "array", maxItems: 128, items: TOOL }),
    tool_choice: nullable(TOOL_CHOICE),
    thinking: {
        ...nullable({ type: "object", required: ["type"], properties: { type: { type: "string", enum: ["enabled", "disabled", "adaptive"] }, budget_tokens: { type: "integer" } } }),
        description: "disabled: what a reasoning model thinks is left out of the answer. How long it thinks is the model's choice",
    },
    output_config: nullable({ type: "object", properties: { format: FORMAT, effort: { type: ["string", "null"], description: "Taken, without effect" } } }),
    cache_control: CACHE_CONTROL,
    output_format: FORMAT,
} as const;

export const COUNT_SCHEMA = { type: "object", required: ["model", "messages"], properties: PROMPT } as const;

export const MESSAGES_SCHEMA = {
    type: "object",
    required: ["model", "messages", "max_tokens"],
    properties: {
        ...PROMPT,
        max_tokens: { type: "integer", minimum: 1 },
        stream: { type: ["boolean", "null"], description: "Server-sent events" },
        stop_sequences: nullable({ type: "array", maxItems: 16, items: { type: "string", minLength: 1, maxLength: 1000 } }),
        temperature: { type: ["number", "null"], minimum: 0, maximum: 1 },
        top_p: { type: ["number", "null"], minimum: 0, maximum: 1 },
        top_k: { type: ["integer", "null"], minimum: 0 },
        // Without effect here, but a fault in them is a client's fault.
        metadata: { ...nullable({ type: "object", properties: { user_id: { type: ["string", "null"] } } }), description: "Taken, without effect" },
        service_tier: { type: ["string", "null"], enum: ["auto", "standard_only", null], description: "Taken, without effect: every request is served alike" },
    },
    examples: [{ model: "smollm2-135m-instruct", max_tokens: 16, messages: [{ role: "user", content: "Name a sea." }] }],
} as const;

export const COUNT_ANSWER = { type: "object", required: ["input_tokens"], properties: { input_tokens: { type: "integer" } } } as const;

export const MESSAGE_ANSWER = {
    type: "object",
    required: ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"],
    properties: {
        id: { type: "string" },
        type: { type: "string", const: "message" },
        role: { type: "string", const: "assistant" },
        model: { type: "string" },
        content: { type: "array", items: { type: "object", required: ["type"], properties: { type: { type: "string", enum: ["text", "thinking", "tool_use"] } } } },
        stop_reason: { type: "string", enum: ["end_turn", "max_tokens", "stop_sequence", "tool_use"] },
        stop_sequence: { type: ["string", "null"] },
        usage: {
            type: "object",
            required: ["input_tokens", "cache_read_input_tokens", "output_tokens"],
            properties: {
                input_tokens: { type: "integer", description: "Of the prompt, those that were computed" },
                cache_read_input_tokens: { type: "integer", description: "Of the prompt, those that a slot still held" },
                cache_creation_input_tokens: { type: "integer" },
                output_tokens: { type: "integer" },
            },
        },
    },
} as const;
