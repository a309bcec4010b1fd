/** Bodies of Ollama's API as those of OpenAI's: from there on both go the same way. Pure. */

import type { GenerationOptions } from "../config/configuration.js";
import { badRequest } from "../errors.js";
import type { BodyMessage as OpenAiMessage, ChatBody as OpenAiChat } from "../openai/chat-schema.js";
import type { CompletionBody } from "../openai/completion-schema.js";
import type { Control } from "../openai/shared-schema.js";
import type { BodyMessage, ChatBody, GenerateBody, Options } from "./schema.js";

/** Fields that would change the answer and are not supported. */
const REFUSED = ["suffix", "template", "context", "images", "logprobs", "top_logprobs", "width", "height", "steps"] as const;

/** Options that would change the answer, and the values that ask for nothing. Others, as `num_thread`, change the speed only. */
const REFUSED_OPTIONS: Readonly<Record<string, unknown>> = { mirostat: 0, tfs_z: 1, typical_p: 1 };

/** The smallest context of a slot. */
const LEAST_CONTEXT = 512;

function isEmpty(value: unknown): boolean {
    return value === undefined || value === null || value === "" || value === false || value === 0 || (Array.isArray(value) && value.length === 0);
}

/** @throws ServiceError 400 */
export function refuseUnsupported(body: object): void {
    for (const name of REFUSED) {
        if (!isEmpty(Reflect.get(body, name))) {
            throw badRequest(`${name} is not supported.`);
        }
    }
    if (Reflect.get(body, "keep_alive") === 0) {
        throw badRequest("keep_alive: 0 is not supported: a model stays in memory until another one needs the room.");
    }
}

function numberOf(options: Options, name: string, least: number, integer = false): number | undefined {
    const value = options[name];
    if (value === undefined || value === null) {
        return undefined;
    }
    if (typeof value !== "number" || !(integer ? Number.isSafeInteger(value) : Number.isFinite(value)) || value < least) {
        throw badRequest(`options.${name} must be ${integer ? "an integer" : "a number"}, ${least} or more.`);
    }
    return value;
}

function between(options: Options, name: string, least: number, most: number): number | undefined {
    const value = numberOf(options, name, least);
    if (value !== undefined && value > most) {
        throw badRequest(`options.${name} must be a number, ${least}..${most}.`);
    }
    return value;
}

function stopOf({ stop }: Options): readonly string[] {
    const list = isEmpty(stop) ? [] : [stop].flat();
    if (!list.every((text): text is string => typeof text === "string" && text !== "") || list.length > 16) {
        throw badRequest("options.stop must be up to 16 texts.");
    }
    return list;
}

/** How the answer is generated. @throws ServiceError 400 */
function controlOf({ model, options, format }: Pick<ChatBody, "model" | "options" | "format">): Control {
    const given = options ?? {};
    for (const [name, neutral] of Object.entries(REFUSED_OPTIONS)) {
        if (!isEmpty(given[name]) && given[name] !== neutral) {
            throw badRequest(`options.${name} is not supported.`);
        }
    }
    const most = numberOf(given, "num_predict", -2, true);
    if (most === 0) {
        throw badRequest("options.num_predict must be 1 or more, or -1 for no limit.");
    }
    const schema = typeof format === "object" && format !== null ? format : undefined;
    return {
        model,
        temperature: between(given, "temperature", 0, 2) ?? null,
        top_p: between(given, "top_p", 0, 1) ?? null,
        min_p: between(given, "min_p", 0, 1) ?? null,
        top_k: numberOf(given, "top_k", -1, true) ?? null,
        seed: numberOf(given, "seed", Number.MIN_SAFE_INTEGER, true) ?? null,
        presence_penalty: between(given, "presence_penalty", -2, 2) ?? null,
        frequency_penalty: between(given, "frequency_penalty", -2, 2) ?? null,
        ...(isEmpty(given["repeat_penalty"]) ? {} : { repeat_penalty: between(given, "repeat_penalty", 0, 10) ?? null }),
        ...(most === undefined ? {} : { max_tokens: Math.max(-1, most) }),
        stop: stopOf(given),
        ...(schema !== undefined ? { response_format: { type: "json_schema", json_schema: { schema } } as const } : format === "json" ? { response_format: { type: "json_object" } as const } : {}),
    };
}

/** The configured options, with those that OpenAI's API has no word for. @throws ServiceError 400 */
export function defaultsOf({ options }: Pick<ChatBody, "options">, defaults: GenerationOptions): GenerationOptions {
    const last = numberOf(options ?? {}, "repeat_last_n", -1, true);
    const newline = options?.["penalize_newline"];
    return {
        ...defaults,
        // 0 and -1 have no number here: 64 is llama.cpp's own, and the context is longer than any that counts.
        ...(last === undefined || last === 0 ? {} : { repeatPenaltyNum: last === -1 ? 2048 : Math.min(2048, last) }),
        ...(typeof newline === "boolean" ? { penalizeNewline: newline } : {}),
    };
}

/** How the model is to be loaded. @throws ServiceError 400 */
export function wishesOf({ options }: Pick<ChatBody, "options">): { readonly contextSize?: number; readonly gpulayer?: number } {
    const context = numberOf(options ?? {}, "num_ctx", 1, true);
    const layers = numberOf(options ?? {}, "num_gpu", -1, true);
    return {
        ...(context === undefined ? {} : { contextSize: Math.max(LEAST_CONTEXT, context) }),
        ...(layers === undefined || layers === -1 ? {} : { gpulayer: layers }),
    };
}

/** Calls have no ids there: results belong to the calls before them, by the tool's name, else in their order. */
function messagesOf(messages: readonly BodyMessage[]): OpenAiMessage[] {
    const open: { readonly id: string; readonly name: string }[] = [];
    return messages.map((message, index): OpenAiMessage => {
        const content = message.content ?? "";
        if (!isEmpty(message.images)) {
            throw badRequest(`messages[${index}]: images are not supported.`);
        }
        if (message.role === "tool") {
            const { tool_call_id: wanted, tool_name: name } = message;
            const at = open.findIndex((call) => (wanted === undefined ? name === undefined || call.name === name : call.id === wanted));
            const [call] = open.splice(at === -1 ? open.length : at, 1);
            if (call === undefined) {
                throw badRequest(`messages[${index}]: the result of a tool follows no call of it.`);
            }
            return { role: "tool", tool_call_id: call.id, content };
        }
        const calls = (message.tool_calls ?? []).map((call, number) => ({ id: call.id ?? `call_${index}_${number}`, function: { name: call.function.name, arguments: JSON.stringify(call.function.arguments ?? {}) } }));
        open.push(...calls.map(({ id, function: { name } }) => ({ id, name })));
        return { role: message.role, content, ...(calls.length === 0 ? {} : { tool_calls: calls }) };
    });
}

/** @throws ServiceError 400 */
export function chatOf(body: ChatBody): OpenAiChat {
    refuseUnsupported(body);
    return { ...controlOf(body), messages: messagesOf(body.messages ?? []), tools: body.tools ?? [] };
}

/** @throws ServiceError 400 */
export function generateOf(body: GenerateBody): { readonly chat: OpenAiChat } | { readonly raw: CompletionBody } {
    refuseUnsupported(body);
    const { prompt, system, raw } = body;
    const control = controlOf(body);
    if (raw === true) {
        if (!isEmpty(system)) {
            throw badRequest("system has no place in a raw prompt.");
        }
        return { raw: { ...control, max_tokens: control.max_tokens ?? -1, prompt: prompt ?? "" } };
    }
    const rules = isEmpty(system) ? [] : [{ role: "system", content: system ?? "" } as const];
    return { chat: { ...control, messages: [...rules, { role: "user", content: prompt ?? "" }] } };
}

/** `llama3.2:1b` is pulled as `llama3.2-1b.gguf`; a tag `latest` has no part in the file's name. */
export function fileNameOf(model: string): string {
    const [, name = model, tag = ""] = /^(.*?)(?::([^:/]*))?$/s.exec(model) ?? [];
    return tag === "" || tag === "latest" ? name : `${name}-${tag}`;
}

/** What `ollama pull` calls it, as a source of POST /models/pull. */
export function sourceOf(model: string): string {
    const [, hub] = /^(?:hf\.co|huggingface\.co)\/(.+)$/.exec(model) ?? [];
    return hub === undefined ? `ollama:${model}` : `hf:${hub}`;
}
