/** A body of /v1/messages as one of /v1/chat/completions: from there on both go the same way. Pure. */

import type { BodyMessage as ChatMessage, BodyTool as ChatTool, ChatBody } from "../openai/chat-schema.js";
import { ParameterFault } from "../openai/errors.js";
import type { Block, BodyMessage, BodyTool, MessagesBody, PromptBody } from "./schema.js";

/** Blocks that are left out: what a model thought is no part of what it said. */
const THOUGHTS = new Set(["thinking", "redacted_thinking"]);

/** Fields that would change the answer. Absent, null, and what asks for nothing are good. */
const REFUSED = ["container", "mcp_servers", "context_management", "inference_geo", "speed", "fallbacks"] as const;

/** What clears thoughts only: they are left out in any case. */
const CLEARS_THOUGHTS = /^clear_thinking_\d+$/;

function asksForNothing(name: string, value: unknown): boolean {
    if (value === undefined || value === null || (typeof value === "object" && Object.keys(value).length === 0)) {
        return true;
    }
    if (name === "speed" && value === "standard") {
        return true;
    }
    const edits = name === "context_management" ? (value as { edits?: unknown }).edits : undefined;
    return Array.isArray(edits) && edits.every((edit: unknown) => CLEARS_THOUGHTS.test(String((edit as { type?: unknown } | null)?.type)));
}

function refuseUnsupported(body: object): void {
    for (const name of REFUSED) {
        if (!asksForNothing(name, Reflect.get(body, name))) {
            throw new ParameterFault(name, `${name} is not supported.`);
        }
    }
}

function textOf(content: string | readonly Block[] | null | undefined, at: string): string {
    if (typeof content === "string") {
        return content;
    }
    return (content ?? [])
        .map(({ type, text }, index) => {
            if (type !== "text" || text === undefined) {
                throw new ParameterFault(`${at}[${index}]`, `${at}[${index}]: only blocks of type text can be read, not "${type.slice(0, 50)}".`);
            }
            return text;
        })
        .join("\n");
}

function needed(block: Block, name: "id" | "name" | "tool_use_id", at: string): string {
    const value = block[name];
    if (value === undefined) {
        throw new ParameterFault(`${at}.${name}`, `${at}: a block of type ${block.type} needs ${name}.`);
    }
    return value;
}

/** Results of tools come before what the user says: they answer the message before. */
function ofUser(content: readonly Block[], at: string): ChatMessage[] {
    const results = content.flatMap((block, index): ChatMessage[] => {
        if (block.type !== "tool_result") {
            return [];
        }
        const place = `${at}.content[${index}]`;
        const text = textOf(block.content, `${place}.content`);
        // The model reads only a text.
        return [{ role: "tool", tool_call_id: needed(block, "tool_use_id", place), content: block.is_error === true ? `Error: ${text}` : text }];
    });
    const rest = content.filter(({ type }) => type !== "tool_result");
    return rest.length === 0 ? results : [...results, { role: "user", content: textOf(rest, `${at}.content`) }];
}

function ofAssistant(content: readonly Block[], at: string): ChatMessage[] {
    const calls = content.flatMap((block, index) => {
        const place = `${at}.content[${index}]`;
        return block.type === "tool_use" ? [{ id: needed(block, "id", place), function: { name: needed(block, "name", place), arguments: JSON.stringify(block.input ?? {}) } }] : [];
    });
    const texts = content.filter(({ type }) => type !== "tool_use" && !THOUGHTS.has(type));
    return [{ role: "assistant", content: textOf(texts, `${at}.content`), ...(calls.length === 0 ? {} : { tool_calls: calls }) }];
}

function messageOf({ role, content }: BodyMessage, index: number): ChatMessage[] {
    const at = `messages[${index}]`;
    if (typeof content === "string") {
        return [{ role, content }];
    }
    if (content.length === 0) {
        throw new ParameterFault(`${at}.content`, `${at}: the content is empty.`);
    }
    return role === "user" ? ofUser(content, at) : ofAssistant(content, at);
}

function toolOf({ type, name, description, input_schema: parameters }: BodyTool, index: number): ChatTool {
    if (type !== undefined && type !== null && type !== "custom") {
        throw new ParameterFault(`tools[${index}].type`, `tools[${index}]: tools of type ${type.slice(0, 50)} are run by the API's own servers, which are not here. Leave it out, or send a tool with input_schema.`);
    }
    if (parameters === undefined) {
        throw new ParameterFault(`tools[${index}].input_schema`, `tools[${index}]: the tool ${name} needs input_schema.`);
    }
    return { function: { name, description: description ?? null, parameters } };
}

function choiceOf({ tool_choice: choice }: PromptBody): NonNullable<ChatBody["tool_choice"]> | null {
    switch (choice?.type) {
        case undefined:
            return null;
        case "any":
            return "required";
        case "tool":
            return { function: { name: choice.name ?? "" } };
        case "auto":
        case "none":
            return choice.type;
    }
}

/** @throws ParameterFault */
export function promptBody(body: PromptBody): ChatBody {
    refuseUnsupported(body);
    const { model, system, output_config: output, output_format: older } = body;
    const schema = (output?.format ?? older)?.schema;
    const rules = textOf(system, "system");
    return {
        model,
        messages: [...(rules === "" ? [] : [{ role: "system", content: rules } as const]), ...body.messages.flatMap(messageOf)],
        tools: (body.tools ?? []).map(toolOf),
        tool_choice: choiceOf(body),
        parallel_tool_calls: takesSeveralCalls(body),
        ...(schema === undefined ? {} : { response_format: { type: "json_schema", json_schema: { schema } } as const }),
    };
}

/** @throws ParameterFault */
export function chatBody(body: MessagesBody): ChatBody {
    const { max_tokens: most, temperature, top_p: topP, top_k: topK, stop_sequences: stop } = body;
    return {
        ...promptBody(body),
        max_tokens: most,
        temperature: temperature ?? null,
        top_p: topP ?? null,
        top_k: topK ?? null,
        stop: stop ?? null,
    };
}

/** Whether what a model thinks is part of the answer. */
export function showsThoughts({ thinking }: PromptBody): boolean {
    return thinking?.type !== "disabled";
}

/** Whether several calls may be in one answer: else only the first one is sent. */
export function takesSeveralCalls({ tool_choice: choice }: PromptBody): boolean {
    return choice?.disable_parallel_tool_use !== true;
}
