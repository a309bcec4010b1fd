/** A body of /v1/chat/completions as requests to the engine. */

import { setImmediate } from "node:timers/promises";
import type { GenerationOptions } from "../config/configuration.js";
import type { ChatMessage, ChatRequest, ToolCall, ToolChoice, ToolDefinition } from "../engine/engine.js";
import { MOST_NESTED, nestsTooDeep } from "../schema/limits.js";
import { compileSchema } from "../schema/compile.js";
import { checkOf } from "./answer-check.js";
import type { BodyMessage, BodyTool, BodyToolCall, ChatBody, NamedTool } from "./chat-schema.js";
import { constraintOf } from "./constraint.js";
import { ParameterFault } from "./errors.js";
import type { Asked } from "./generations.js";
import { maxTokensOf, nthOptions, optionsOf, stopOf } from "./options.js";
import { refuseUnsupported } from "./unsupported.js";

/** Of all tools: a model with a context of 32,768 tokens cannot read more of them. */
const MOST_TOOL_CHARACTERS = 500_000;

function textOf(content: BodyMessage["content"], at: string): string {
    if (content === undefined || content === null) {
        return "";
    }
    if (typeof content === "string") {
        return content;
    }
    return content
        .map(({ type, text, refusal }, index) => {
            if (type === "refusal" && refusal !== undefined) {
                return refusal;
            }
            if (type !== "text" || text === undefined) {
                throw new ParameterFault(`${at}.content[${index}]`, `Only parts of type text are supported, not "${type.slice(0, 50)}".`);
            }
            return text;
        })
        .join("");
}

/** Broken arguments are let through as the text that they are; templates recurse over the others. */
function toolCallOf({ id, function: { name, arguments: given } }: BodyToolCall, at: string): ToolCall {
    if (nestsTooDeep(parsed(given))) {
        throw new ParameterFault(`${at}.function.arguments`, `The arguments of the tool call ${id.slice(0, 100)} are nested too deep: more than ${MOST_NESTED} levels.`);
    }
    return { id, name, arguments: given };
}

function parsed(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

function messageOf(message: BodyMessage, index: number): ChatMessage {
    const at = `messages[${index}]`;
    const given = message.content ?? (message.role === "assistant" ? message.refusal : undefined);
    const content = textOf(given, at);
    const calls = message.tool_calls ?? [];
    if (given === undefined || given === null) {
        if (message.role !== "assistant" || calls.length === 0) {
            throw new ParameterFault(`${at}.content`, `The ${message.role} message ${index} has no content.`);
        }
    }
    switch (message.role) {
        case "developer":
        case "system":
            return { role: "system", content };
        case "user":
            return { role: "user", content };
        case "assistant": {
            const toolCalls = calls.map((call, number) => toolCallOf(call, `${at}.tool_calls[${number}]`));
            return { role: "assistant", content, ...(toolCalls.length === 0 ? {} : { toolCalls }) };
        }
        case "tool":
            if (message.tool_call_id === undefined) {
                throw new ParameterFault(`${at}.tool_call_id`, `The tool message ${index} has no tool_call_id.`);
            }
            return { role: "tool", toolCallId: message.tool_call_id, content };
    }
}

function toolOf({ function: { name, description, parameters } }: BodyTool, index: number): ToolDefinition {
    const { error } = compileSchema(parameters ?? {}, "arguments");
    if (error !== "") {
        throw new ParameterFault(`tools[${index}].function.parameters`, `The parameters of ${name} cannot be used as a JSON Schema: ${error}`);
    }
    return {
        name,
        ...(description === undefined || description === null ? {} : { description }),
        ...(parameters === undefined || parameters === null ? {} : { parameters }),
    };
}

/** A turn of the event loop for each: a schema takes up to a third of a second. */
async function toolsOf({ tools }: ChatBody): Promise<ToolDefinition[]> {
    const given = tools ?? [];
    if (given.reduce((sum, tool) => sum + JSON.stringify(tool).length, 0) > MOST_TOOL_CHARACTERS) {
        throw new ParameterFault("tools", `The tools have more than ${MOST_TOOL_CHARACTERS} characters together.`);
    }
    const definitions: ToolDefinition[] = [];
    for (const [index, tool] of given.entries()) {
        definitions.push(toolOf(tool, index));
        await setImmediate();
    }
    return definitions;
}

/** The tools that may be called, and which one must be. @throws ParameterFault */
function chosenOf({ tool_choice: choice }: ChatBody, tools: readonly ToolDefinition[]): { readonly toolChoice: ToolChoice; readonly tools: readonly ToolDefinition[] } {
    if (choice === undefined || choice === null) {
        return { toolChoice: "auto", tools };
    }
    if (choice !== "none" && choice !== "auto" && tools.length === 0) {
        throw new ParameterFault("tool_choice", "tool_choice asks for a tool, but the request has no tools.");
    }
    if (typeof choice === "string") {
        return { toolChoice: choice, tools };
    }
    const allowed = "allowed_tools" in choice ? choice.allowed_tools : undefined;
    const names = (allowed?.tools ?? [choice as NamedTool]).map((tool) => tool.function.name);
    const unknown = names.find((name) => !tools.some((tool) => tool.name === name));
    if (unknown !== undefined) {
        throw new ParameterFault("tool_choice", `tool_choice names ${unknown}, which is not one of the tools.`);
    }
    return allowed === undefined ? { toolChoice: { name: names[0] ?? "" }, tools } : { toolChoice: allowed.mode, tools: tools.filter(({ name }) => names.includes(name)) };
}

/**
 * One for each of `n`. Tools and a constraint exclude each other: where a request has both, the constrained
 * one is asked only when no tool was called.
 * @throws ParameterFault
 */
export async function chatRequests(body: ChatBody, defaults: GenerationOptions): Promise<Asked[]> {
    refuseUnsupported(body);
    const options = optionsOf(body, defaults, maxTokensOf(body, defaults.maxTokens));
    const given = await toolsOf(body);
    const { toolChoice, tools } = chosenOf(body, given);
    const constraint = constraintOf(body);
    const stop = stopOf(body);
    const messages = body.messages.map(messageOf);
    const check = checkOf(given, constraint);
    const usesTools = tools.length > 0 && toolChoice !== "none";
    return Array.from({ length: body.n ?? 1 }, (_, index) => {
        const plain: ChatRequest = { kind: "chat", messages, options: nthOptions(options, index), ...(stop.length === 0 ? {} : { stop }) };
        const constrained: ChatRequest = constraint === undefined ? plain : { ...plain, constraint };
        const common = { check, samePrompt: index > 0 };
        if (!usesTools) {
            return { ...common, request: constrained };
        }
        const request: ChatRequest = { ...plain, tools, toolChoice, ...(body.parallel_tool_calls === false ? { oneCall: true } : {}) };
        return { ...common, request, ...(constraint === undefined || toolChoice !== "auto" ? {} : { otherwise: constrained }) };
    });
}
