/** POST /v1/responses: the body's type, the same as a JSON Schema, and the answer's schema. */

import { nullable } from "../openai/shared-schema.js";

interface Part {
    readonly type: string;
    readonly text?: string;
    readonly refusal?: string;
}

/** A message, a call of a function, its output, or what a model thought; items.ts says which fields each one needs. */
export interface Item {
    readonly type?: string | null;
    readonly id?: string | null;
    readonly role?: "system" | "developer" | "user" | "assistant";
    readonly content?: string | readonly Part[] | null;
    readonly call_id?: string;
    readonly name?: string;
    readonly arguments?: string;
    readonly output?: string | readonly Part[];
}

export interface BodyTool {
    readonly type: string;
    readonly name?: string;
    readonly description?: string | null;
    readonly parameters?: object | null;
    readonly strict?: boolean | null;
}

interface NamedTool {
    readonly type: string;
    readonly name?: string;
}

export interface ResponsesBody {
    readonly model: string;
    readonly input?: string | readonly Item[] | null;
    readonly instructions?: string | null;
    readonly previous_response_id?: string | null;
    readonly store?: boolean | null;
    readonly stream?: boolean | null;
    readonly max_output_tokens?: number | null;
    readonly temperature?: number | null;
    readonly top_p?: number | null;
    readonly tools?: readonly BodyTool[] | null;
    readonly tool_choice?: string | (NamedTool & { readonly mode?: "auto" | "required"; readonly tools?: readonly NamedTool[] }) | null;
    readonly parallel_tool_calls?: boolean | null;
    readonly text?: { readonly format?: { readonly type: string; readonly name?: string; readonly schema?: object } | null } | null;
    readonly reasoning?: object | null;
    readonly metadata?: Readonly<Record<string, string>> | null;
    readonly user?: string | null;
}

const PART = { type: "object", required: ["type"], properties: { type: { type: "string", description: "input_text, output_text or refusal; others cannot be read" }, text: { type: "string" }, refusal: { type: "string" } } } as const;
const CONTENT = { anyOf: [{ type: "null" }, { type: "string" }, { type: "array", items: PART }] } as const;

const ITEM = {
    type: "object",
    properties: {
        type: { type: ["string", "null"], description: "message (also where it is absent), function_call, function_call_output, reasoning" },
        id: { type: ["string", "null"] },
        role: { type: "string", enum: ["system", "developer", "user", "assistant"] },
        content: CONTENT,
        call_id: { type: "string", minLength: 1, maxLength: 200 },
        name: { type: "string", maxLength: 200 },
        arguments: { type: "string", description: "JSON" },
        output: { anyOf: [{ type: "string" }, { type: "array", items: PART }] },
    },
} as const;

const TOOL = {
    type: "object",
    required: ["type"],
    properties: {
        type: { type: "string", description: "function; tools that the API's own servers run are not here" },
        name: { type: "string", pattern: "^[a-zA-Z0-9_.-]{1,64}$" },
        description: { type: ["string", "null"] },
        parameters: { ...nullable({ type: "object" }), description: "JSON Schema of the arguments" },
        strict: { type: ["boolean", "null"] },
    },
} as const;

const NAMED = { type: "object", required: ["type"], properties: { type: { type: "string" }, name: { type: "string" } } } as const;

export const RESPONSES_SCHEMA = {
    type: "object",
    required: ["model"],
    properties: {
        model: { type: "string", minLength: 1, description: "File name, with or without .gguf; see /v1/models" },
        input: { anyOf: [{ type: "null" }, { type: "string" }, { type: "array", items: ITEM }] },
        instructions: { type: ["string", "null"], description: "A system message of this request only" },
        previous_response_id: { type: ["string", "null"], maxLength: 100, description: "The conversation goes on after this answer" },
        store: { type: ["boolean", "null"], description: "Kept for responses.liveHours of the configuration; true by default" },
        stream: { type: ["boolean", "null"], description: "Server-sent events" },
        max_output_tokens: { type: ["integer", "null"], minimum: 1 },
        temperature: { type: ["number", "null"], minimum: 0, maximum: 2 },
        top_p: { type: ["number", "null"], minimum: 0, maximum: 1 },
        tools: nullable({ type: "array", maxItems: 128, items: TOOL }),
        tool_choice: { anyOf: [{ type: "null" }, { type: "string", enum: ["none", "auto", "required"] }, { ...NAMED, properties: { ...NAMED.properties, mode: { type: "string", enum: ["auto", "required"] }, tools: { type: "array", minItems: 1, items: NAMED } } }] },
        parallel_tool_calls: { type: ["boolean", "null"] },
        text: nullable({
            type: "object",
            properties: { format: nullable({ type: "object", required: ["type"], properties: { type: { type: "string", enum: ["text", "json_object", "json_schema"] }, name: { type: "string" }, schema: { type: "object" } }, if: { properties: { type: { const: "json_schema" } } }, then: { required: ["schema"] } }) },
        }),
        reasoning: { ...nullable({ type: "object" }), description: "Taken; how long a model thinks is its own choice" },
        metadata: nullable({ type: "object", maxProperties: 16, additionalProperties: { type: "string", maxLength: 512 } }),
        user: { type: ["string", "null"] },
    },
    examples: [{ model: "smollm2-135m-instruct", input: "Name a sea.", max_output_tokens: 16 }],
} as const;

export const RESPONSE_ANSWER = {
    type: "object",
    required: ["id", "object", "created_at", "status", "model", "output", "usage"],
    properties: {
        id: { type: "string" },
        object: { type: "string", const: "response" },
        created_at: { type: "integer", description: "Seconds since the epoch" },
        status: { type: "string", enum: ["completed", "incomplete", "failed", "in_progress"] },
        model: { type: "string" },
        output: { type: "array", items: { type: "object", required: ["type", "id"], properties: { type: { type: "string", enum: ["message", "function_call", "reasoning"] }, id: { type: "string" } } } },
        usage: { type: ["object", "null"] },
    },
} as const;
