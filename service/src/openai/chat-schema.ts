/** POST /v1/chat/completions: the body's type, the same as a JSON Schema, and the answer's schema. */

import { answerSchema, CONTROL_SCHEMA, type Control, nullable } from "./shared-schema.js";

/** A part of a message's content; only texts can be read. */
interface Part {
    readonly type: string;
    readonly text?: string;
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
}

export interface BodyTool {
    readonly function: { readonly name: string; readonly description?: string | null; readonly parameters?: object | null };
}

type ResponseFormat =
    | { readonly type: "text" | "json_object" }
    | { readonly type: "json_schema"; readonly json_schema: { readonly name?: string; readonly schema?: object } };

export interface ChatBody extends Control {
    readonly messages: readonly BodyMessage[];
    readonly max_completion_tokens?: number | null;
    readonly response_format?: ResponseFormat | null;
    readonly tools?: readonly BodyTool[] | null;
    readonly tool_choice?: "none" | "auto" | "required" | { readonly function: { readonly name: string } } | null;
}

const NAME = { type: "string", pattern: "^[a-zA-Z0-9_.-]{1,64}$" } as const;

const PART = {
    type: "object",
    required: ["type"],
    properties: { type: { type: "string", description: "text; others cannot be read" }, text: { type: "string" } },
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

const RESPONSE_FORMAT = {
    type: "object",
    required: ["type"],
    properties: {
        type: { type: "string", enum: ["text", "json_object", "json_schema"] },
        json_schema: { type: "object", properties: { name: { type: "string" }, schema: { type: "object" } } },
    },
    if: { required: ["type"], properties: { type: { const: "json_schema" } } },
    then: { required: ["json_schema"] },
} as const;

export const CHAT_SCHEMA = {
    type: "object",
    required: ["model", "messages"],
    properties: {
        ...CONTROL_SCHEMA,
        messages: { type: "array", minItems: 1, items: MESSAGE },
        max_completion_tokens: { type: ["integer", "null"], minimum: 1 },
        response_format: nullable(RESPONSE_FORMAT),
        tools: nullable({ type: "array", maxItems: 128, items: TOOL }),
        tool_choice: {
            anyOf: [
                { type: "null" },
                { type: "string", enum: ["none", "auto", "required"] },
                { type: "object", required: ["function"], properties: { function: { type: "object", required: ["name"], properties: { name: NAME } } } },
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
