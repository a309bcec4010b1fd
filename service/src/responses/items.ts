/** Items of a conversation as messages of /v1/chat/completions. Pure. */

import type { BodyMessage } from "../openai/chat-schema.js";
import { ParameterFault } from "../openai/errors.js";
import type { Item } from "./schema.js";

type Parts = Item["content"];

function textOf(content: Parts, at: string): string {
    if (content === null || content === undefined || typeof content === "string") {
        return content ?? "";
    }
    return content
        .map(({ type, text, refusal }, index) => {
            if (type === "refusal" && refusal !== undefined) {
                return refusal;
            }
            if (!["input_text", "output_text", "text"].includes(type) || text === undefined) {
                throw new ParameterFault(`${at}[${index}]`, `${at}[${index}]: only parts of type input_text and output_text can be read, not "${type.slice(0, 50)}".`);
            }
            return text;
        })
        .join("");
}

function needed(item: Item, name: "call_id" | "name" | "arguments", at: string): string {
    const value = item[name];
    if (value === undefined) {
        throw new ParameterFault(`${at}.${name}`, `${at}: an item of type ${item.type ?? "message"} needs ${name}.`);
    }
    return value;
}

function messageOf(item: Item, at: string): BodyMessage | undefined {
    switch (item.type ?? "message") {
        case "message": {
            const { role } = item;
            if (role === undefined || item.content === undefined || item.content === null) {
                throw new ParameterFault(at, `${at}: a message needs role and content.`);
            }
            return { role, content: textOf(item.content, `${at}.content`) };
        }
        case "function_call":
            return { role: "assistant", content: "", tool_calls: [{ id: needed(item, "call_id", at), function: { name: needed(item, "name", at), arguments: needed(item, "arguments", at) } }] };
        case "function_call_output":
            return { role: "tool", tool_call_id: needed(item, "call_id", at), content: textOf(item.output, `${at}.output`) };
        case "reasoning":
            // What a model thought is no part of what it said.
            return undefined;
        default:
            throw new ParameterFault(`${at}.type`, `${at}: items of type ${(item.type ?? "").slice(0, 50)} are not supported.`);
    }
}

/** Calls that follow each other were made at once, and belong to the text before them. */
export function messagesOf(items: readonly Item[], at: string): BodyMessage[] {
    const messages: BodyMessage[] = [];
    for (const [index, item] of items.entries()) {
        const message = messageOf(item, `${at}[${index}]`);
        const last = messages.at(-1);
        if (message?.tool_calls !== undefined && last?.role === "assistant") {
            messages[messages.length - 1] = { ...last, tool_calls: [...(last.tool_calls ?? []), ...(message.tool_calls ?? [])] };
        } else if (message !== undefined) {
            messages.push(message);
        }
    }
    return messages;
}

/** A text alone is a message of the user. */
export function itemsOf(input: string | readonly Item[] | null | undefined): readonly Item[] {
    return typeof input === "string" ? [{ type: "message", role: "user", content: [{ type: "input_text", text: input }] }] : (input ?? []);
}
