/** A body of /v1/chat/completions as requests to the engine. */

import { setImmediate } from "node:timers/promises";
import type { GenerationOptions } from "../config/configuration.js";
import type { ChatMessage, ChatRequest, Constraint, ToolCall, ToolChoice, ToolDefinition } from "../engine/engine.js";
import { MOST_NESTED, nestsTooDeep } from "../schema/limits.js";
import { compileSchema } from "../schema/compile.js";
import { checkOf } from "./answer-check.js";
import type { BodyMessage, BodyTool, BodyToolCall, ChatBody } from "./chat-schema.js";
import { ParameterFault } from "./errors.js";
import type { Asked } from "./generations.js";
import { nthOptions, optionsOf, refuseUnsupported, stopOf } from "./options.js";

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
        .map(({ type, text }, index) => {
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
        throw new ParameterFault(`${at}.function.arguments`, `The arguments of the tool call ${id} are nested too deep: more than ${MOST_NESTED} levels.`);
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
    const content = textOf(message.content, at);
    const calls = message.tool_calls ?? [];
    if (message.content === undefined || message.content === null) {
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

function choiceOf({ tool_choice: choice }: ChatBody, tools: readonly ToolDefinition[]): ToolChoice {
    if (choice === undefined || choice === null) {
        return "auto";
    }
    if (choice !== "none" && choice !== "auto" && tools.length === 0) {
        throw new ParameterFault("tool_choice", "tool_choice asks for a tool, but the request has no tools.");
    }
    if (typeof choice === "string") {
        return choice;
    }
    const { name } = choice.function;
    if (!tools.some((tool) => tool.name === name)) {
        throw new ParameterFault("tool_choice", `tool_choice names ${name}, which is not one of the tools.`);
    }
    return { name };
}

function constraintOf({ response_format: format }: ChatBody): Constraint | undefined {
    if (format === undefined || format === null || format.type === "text") {
        return undefined;
    }
    const schema = format.type === "json_schema" ? format.json_schema.schema : undefined;
    if (schema === undefined) {
        return { kind: "json" };
    }
    const { error } = compileSchema(schema, "answer");
    if (error !== "") {
        throw new ParameterFault("response_format", `response_format.json_schema.schema cannot be used as a JSON Schema: ${error}`);
    }
    return { kind: "schema", schema };
}

/**
 * One for each of `n`. Tools and a constraint exclude each other: where a request has both, the constrained
 * one is asked only when no tool was called.
 * @throws ParameterFault
 */
export async function chatRequests(body: ChatBody, defaults: GenerationOptions): Promise<Asked[]> {
    refuseUnsupported(body);
    const options = optionsOf(body, defaults, body.max_completion_tokens ?? body.max_tokens ?? defaults.maxTokens);
    const tools = await toolsOf(body);
    const toolChoice = choiceOf(body, tools);
    const constraint = constraintOf(body);
    const stop = stopOf(body);
    const messages = body.messages.map(messageOf);
    const check = checkOf(tools, constraint);
    const usesTools = tools.length > 0 && toolChoice !== "none";
    return Array.from({ length: body.n ?? 1 }, (_, index) => {
        const plain: ChatRequest = { kind: "chat", messages, options: nthOptions(options, index), ...(stop.length === 0 ? {} : { stop }) };
        const constrained: ChatRequest = constraint === undefined ? plain : { ...plain, constraint };
        const common = { check, samePrompt: index > 0 };
        if (!usesTools) {
            return { ...common, request: constrained };
        }
        const request: ChatRequest = { ...plain, tools, toolChoice };
        return { ...common, request, ...(constraint === undefined || toolChoice !== "auto" ? {} : { otherwise: constrained }) };
    });
}
