/** Tool calls that a request demands ("required", or one by name): the answer is a call by its grammar. */

import { randomUUID } from "node:crypto";
import { badRequest } from "../errors.js";
import type { ChatRequest, ToolCall, ToolDefinition } from "./engine.js";

export function callId(): string {
    return `call_${randomUUID().replaceAll("-", "")}`;
}

/** The tools of which one must be called; undefined when the model may choose. @throws ServiceError for an unknown name */
export function forcedTools({ tools = [], toolChoice = "auto" }: ChatRequest): readonly ToolDefinition[] | undefined {
    if (toolChoice === "auto" || toolChoice === "none" || tools.length === 0) {
        return undefined;
    }
    if (toolChoice === "required") {
        return tools;
    }
    const named = tools.filter(({ name }) => name === toolChoice.name);
    if (named.length === 0) {
        throw badRequest(`There is no tool "${toolChoice.name}" among: ${tools.map(({ name }) => name).join(", ")}.`);
    }
    return named;
}

/** The call as the model wrote it; undefined when it was cut. */
export function readCall(text: string): ToolCall | undefined {
    try {
        const { name, arguments: given } = JSON.parse(text) as { name: string; arguments: unknown };
        return { id: callId(), name, arguments: JSON.stringify(given) };
    } catch {
        return undefined;
    }
}
