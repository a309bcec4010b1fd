/** POST /v1/chat/completions: the body's type, the same as a JSON Schema, and the answer's schema. */

import { answerSchema, CONTROL_SCHEMA, type Control, MAX_TOKENS, nullable } from "./shared-schema.js";

/** A part of a message's content; only texts can be read. */
interface Part {
    readonly type: string;
    readonly text?: string;
    readonly refusal?: string;
}

export interface BodyToolCall {
    readonly id: string;
    readonly function: { readonly name: string; readonly arguments: string };
}

export interface BodyMessage {
    readonly role: "system" | "developer" | "user" | "assistant" | "tool";
    readonly content?: string | readonly Part[] | null;
    readonly tool_calls?: readonly BodyToolCall[] | null;
    readonly tool_call_id?: string;
    /** What the assistant said in place of an answer. */
    readonly refusal?: string | null;
}

export interface BodyTool {
    readonly function: { readonly name: string; readonly description?: string | null; readonly parameters?: object | null };
}

export interface NamedTool {
    readonly function: { readonly name: string };
}

export interface AllowedTools {
    readonly allowed_tools: { readonly mode: "auto" | "required"; readonly tools: readonly NamedTool[] };
}

export interface ChatBody extends Control {
    readonly messages: readonly BodyMessage[];
    readonly max_completion_tokens?: number | null;
    readonly tools?: readonly BodyTool[] | null;
    readonly parallel_tool_calls?: boolean | null;
    readonly tool_choice?: "none" | "auto" | "required" | NamedTool | AllowedTools | null;
}

const NAME = { type: "string", pattern: "^[a-zA-Z0-9_.-]{1,64}$" } as const;

const PART = {
    type: "object",
    required: ["type"],
    properties: { type: { type: "string", description: "text, or an assistant's refusal; others cannot be read" }, text: { type: "string" }, refusal: { type: "string" } },
} as const;

const TOOL_CALL = {
    type: "object",
    required: ["id", "function"],
    properties: {
        id: { type: "string" },
        type: { type: "string", const: "function" },
        function: {
            type: "object",
            required: ["name", "arguments"],
            properties: { name: { type: "string" }, arguments: { type: "string", description: "JSON" } },
        },
    },
} as const;

const MESSAGE = {
    type: "object",
    required: ["role"],
    properties: {
        role: { type: "string", enum: ["system", "developer", "user", "assistant", "tool"] },
        content: { anyOf: [{ type: "null" }, { type: "string" }, { type: "array", items: PART }] },
        tool_calls: nullable({ type: "array", items: TOOL_CALL }),
        refusal: { type: ["string", "null"] },
        tool_call_id: { type: "string", description: "Of a tool's message: the call that it answers" },
    },
} as const;

const TOOL = {
    type: "object",
    required: ["type", "function"],
    properties: {
        type: { type: "string", const: "function" },
        function: {
            type: "object",
            required: ["name"],
            properties: {
                name: NAME,
                description: { type: ["string", "null"] },
                parameters: { ...nullable({ type: "object" }), description: "JSON Schema of the arguments" },
            },
        },
    },
} as const;

const NAMED_TOOL = { type: "object", required: ["function"], properties: { function: { type: "object", required: ["name"], properties: { name: NAME } } } } as const;

export const CHAT_SCHEMA = {
    type: "object",
    required: ["model", "messages"],
    properties: {
        ...CONTROL_SCHEMA,
        messages: { type: "array", minItems: 1, items: MESSAGE },
        max_completion_tokens: { ...MAX_TOKENS },
        tools: nullable({ type: "array", maxItems: 128, items: TOOL }),
        parallel_tool_calls: { type: ["boolean", "null"], description: "false: at most one call in an answer" },
        tool_choice: {
            anyOf: [
                { type: "null" },
                { type: "string", enum: ["none", "auto", "required"] },
                NAMED_TOOL,
                {
                    type: "object",
                    required: ["allowed_tools"],
                    properties: {
                        allowed_tools: {
                            type: "object",
                            required: ["mode", "tools"],
                            properties: { mode: { type: "string", enum: ["auto", "required"] }, tools: { type: "array", minItems: 1, items: NAMED_TOOL } },
                        },
                    },
                },
            ],
        },
    },
    examples: [{ model: "smollm2-135m-instruct", messages: [{ role: "user", content: "Name a sea." }], max_tokens: 16, stream: true }],
} as const;

const ANSWER_MESSAGE = {
    type: "object",
    required: ["role", "content", "refusal"],
    properties: {
        role: { type: "string", const: "assistant" },
        content: { type: ["string", "null"] },
        refusal: { type: "null" },
        reasoning_content: { type: "string" },
        tool_calls: { type: "array", items: TOOL_CALL },
    },
} as const;

export const CHAT_ANSWER = answerSchema("chat.completion", { message: ANSWER_MESSAGE }, ["stop", "length", "tool_calls"]);
