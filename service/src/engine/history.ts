/** OpenAI's list of messages as node-llama-cpp's chat history. Values in, values out. */

import type { ChatHistoryItem, ChatModelFunctionCall } from "node-llama-cpp";
import { badRequest, type ServiceError } from "../errors.js";
import type { ChatMessage, ToolCall } from "./engine.js";

type ModelItem = Extract<ChatHistoryItem, { type: "model" }>;

/** A model's broken arguments are told as they are: a client that sends its history back could not go on else. */
function argumentsOf(call: ToolCall): unknown {
    try {
        return call.arguments === "" ? {} : JSON.parse(call.arguments);
    } catch {
        return call.arguments;
    }
}

/** Of a tool message. */
export function callless(id: string): ServiceError {
    return badRequest(`The tool message for "${id}" follows no such tool call.`);
}

/**
 * A tool's answer belongs to the call there, and what the model says next belongs to the same turn.
 * @throws ServiceError for a tool message without its call
 */
export function toHistory(messages: readonly ChatMessage[]): ChatHistoryItem[] {
    const history: ChatHistoryItem[] = [];
    const calls = new Map<string, ChatModelFunctionCall>();
    const turn = (): ModelItem => {
        const last = history.at(-1);
        if (last?.type === "model") {
            return last;
        }
        const fresh: ModelItem = { type: "model", response: [] };
        history.push(fresh);
        return fresh;
    };
    for (const message of messages) {
        switch (message.role) {
            case "system":
            case "user":
                history.push({ type: message.role, text: message.content });
                break;
            case "assistant": {
                const { response } = turn();
                if (message.content !== "") {
                    response.push(message.content);
                }
                for (const [index, call] of (message.toolCalls ?? []).entries()) {
                    const item: ChatModelFunctionCall = {
                        type: "functionCall",
                        name: call.name,
                        params: argumentsOf(call),
                        result: undefined,
                        startsNewChunk: index === 0,
                    };
                    calls.set(call.id, item);
                    response.push(item);
                }
                break;
            }
            case "tool": {
                const call = calls.get(message.toolCallId);
                if (call === undefined) {
                    throw callless(message.toolCallId);
                }
                call.result = message.content;
            }
        }
    }
    return history;
}
