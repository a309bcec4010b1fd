/** A body of /v1/responses as one of /v1/chat/completions: from there on both go the same way. Pure. */

import type { BodyTool as ChatTool, ChatBody, NamedTool } from "../openai/chat-schema.js";
import { ParameterFault } from "../openai/errors.js";
import { itemsOf, messagesOf } from "./items.js";
import type { BodyTool, Item, ResponsesBody } from "./schema.js";

/** Fields that would change the answer, with the values that ask for nothing. */
const REFUSED: Readonly<Record<string, readonly unknown[]>> = {
    background: [false],
    conversation: [],
    prompt: [],
    top_logprobs: [0],
    truncation: ["disabled"],
    context_management: [],
};

/** What no model here has anything of: there is nothing to include. */
const NOTHING_OF = new Set(["reasoning.encrypted_content", "file_search_call.results", "web_search_call.results", "web_search_call.action.sources", "code_interpreter_call.outputs", "computer_call_output.output.image_url"]);

function refuseUnsupported(body: object): void {
    for (const [name, neutral] of Object.entries(REFUSED)) {
        const value: unknown = Reflect.get(body, name);
        const empty = value === undefined || value === null || (typeof value === "object" && Object.keys(value).length === 0);
        if (!empty && !neutral.includes(value)) {
            throw new ParameterFault(name, `${name}: ${JSON.stringify(value).slice(0, 50)} is not supported.`, "unsupported_parameter");
        }
    }
    const { include } = body as { readonly include?: unknown };
    const wanted = Array.isArray(include) ? include.map(String).find((name) => !NOTHING_OF.has(name)) : undefined;
    if (wanted !== undefined) {
        throw new ParameterFault("include", `include: ${wanted.slice(0, 50)} is not supported.`, "unsupported_parameter");
    }
}

function toolOf({ type, name, description, parameters }: BodyTool, index: number): ChatTool {
    if (type !== "function") {
        throw new ParameterFault(`tools[${index}].type`, `tools[${index}]: tools of type ${type.slice(0, 50)} are run by the API's own servers, which are not here. Send a function.`);
    }
    if (name === undefined) {
        throw new ParameterFault(`tools[${index}].name`, `tools[${index}]: a function needs a name.`);
    }
    return { function: { name, description: description ?? null, parameters: parameters ?? null } };
}

function named({ type, name }: { readonly type: string; readonly name?: string }): NamedTool {
    if (type !== "function" || name === undefined) {
        throw new ParameterFault("tool_choice", `tool_choice: ${type.slice(0, 50)} is not supported, or has no name. Only functions can be chosen.`);
    }
    return { function: { name } };
}

function choiceOf({ tool_choice: choice }: ResponsesBody): NonNullable<ChatBody["tool_choice"]> | null {
    if (choice === undefined || choice === null) {
        return null;
    }
    if (typeof choice === "string") {
        return choice as "auto";
    }
    return choice.type === "allowed_tools" ? { allowed_tools: { mode: choice.mode ?? "auto", tools: (choice.tools ?? []).map(named) } } : named(choice);
}

function formatOf({ text }: ResponsesBody): Pick<ChatBody, "response_format"> {
    const format = text?.format;
    switch (format?.type) {
        case "json_schema":
            return { response_format: { type: "json_schema", json_schema: { schema: format.schema ?? {} } } };
        case "json_object":
            return { response_format: { type: "json_object" } };
        default:
            return {};
    }
}

/** @param before what was said before, where the conversation goes on. @throws ParameterFault */
export function chatBody(body: ResponsesBody, before: readonly Item[]): ChatBody {
    refuseUnsupported(body);
    const rules = body.instructions ?? "";
    const messages = [...messagesOf(before, "previous_response_id"), ...messagesOf(itemsOf(body.input), "input")];
    if (messages.length === 0) {
        throw new ParameterFault("input", "input is needed: a text or a list of items.");
    }
    return {
        model: body.model,
        messages: [...(rules === "" ? [] : [{ role: "system", content: rules } as const]), ...messages],
        tools: (body.tools ?? []).map(toolOf),
        tool_choice: choiceOf(body),
        parallel_tool_calls: body.parallel_tool_calls ?? null,
        temperature: body.temperature ?? null,
        top_p: body.top_p ?? null,
        ...(typeof body.max_output_tokens === "number" ? { max_tokens: body.max_output_tokens } : {}),
        ...formatOf(body),
    };
}
