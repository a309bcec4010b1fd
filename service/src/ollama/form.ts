/** Answers in the form of Ollama's API, whole and in lines. Pure. */

import { createHash } from "node:crypto";
import type { Chunk, Generated, ToolCall, Usage } from "../engine/engine.js";
import type { Model } from "../models/catalog.js";
import { identityOf } from "../models/naming.js";
import type { Duration } from "../schedule/scheduler.js";

/** What the calls for chats and for texts say differently. */
export interface Kind {
    /** The fields of a piece, or of a whole answer. */
    text(text: string, thinking: string, calls: readonly ToolCall[]): object;
}

function callForm({ id, name, arguments: given }: ToolCall): object {
    let value: unknown = {};
    try {
        value = given === "" ? {} : JSON.parse(given);
    } catch {
        // Cut: what is there of it is no JSON.
    }
    return { id, function: { name, arguments: value } };
}

const thought = (thinking: string): object => (thinking === "" ? {} : { thinking });

export const CHAT: Kind = {
    text: (content, thinking, calls) => ({ message: { role: "assistant", content, ...thought(thinking), ...(calls.length === 0 ? {} : { tool_calls: calls.map(callForm) }) } }),
};

export const TEXT: Kind = { text: (response, thinking) => ({ response, ...thought(thinking) }) };

/** Begins every answer and every line. */
export function headOf(model: string, done: boolean): object {
    return { model, created_at: new Date().toISOString(), done };
}

/** Undefined for a piece that is not shown; calls are told whole, at the end. */
export function pieceOf(kind: Kind, model: string, { kind: sort, text }: Chunk, thoughts: boolean): object | undefined {
    if (text === "" || sort === "call" || (sort === "reasoning" && !thoughts)) {
        return undefined;
    }
    return { ...headOf(model, false), ...kind.text(sort === "text" ? text : "", sort === "reasoning" ? text : "", []) };
}

const NANO = 1_000_000;

/** @param totalMsec from the request to its answer */
function timesOf({ promptMsec }: Duration, { promptTokens, completionTokens, tokensPerSecond, firstTokenMsec = 0 }: Usage, totalMsec: number): object {
    // The speed is rounded: the parts are not to be more than the whole.
    const evalMsec = tokensPerSecond > 0 ? Math.min((Math.max(1, completionTokens - 1) / tokensPerSecond) * 1000, Math.max(0, promptMsec - firstTokenMsec)) : 0;
    const nano = (msec: number): number => Math.round(Math.max(0, msec) * NANO);
    return {
        total_duration: nano(totalMsec),
        load_duration: nano(promptMsec - firstTokenMsec - evalMsec),
        prompt_eval_count: promptTokens,
        prompt_eval_duration: nano(firstTokenMsec),
        eval_count: completionTokens,
        eval_duration: nano(evalMsec),
    };
}

interface Ended {
    readonly answer: Generated;
    readonly usage: Usage;
    readonly duration: Duration;
    readonly totalMsec: number;
}

/** The last line of a stream, or with `whole` all of the answer. */
export function endOf(kind: Kind, model: string, { answer, usage, duration, totalMsec }: Ended, whole: boolean, thoughts: boolean): object {
    const { text, reasoning = "", toolCalls, finishReason } = answer;
    const shown = thoughts ? reasoning : "";
    return {
        ...headOf(model, true),
        ...kind.text(whole ? text : "", whole ? shown : "", toolCalls),
        done_reason: finishReason === "length" ? "length" : "stop",
        ...timesOf(duration, usage, totalMsec),
    };
}

/** Another file has another one. It is no checksum of the contents: to compute one reads the whole file. */
export function digestOf(model: Model): string {
    return createHash("sha256").update(`${model.relativeFileName} ${identityOf(model)}`).digest("hex");
}

export function details(family = ""): object {
    return { parent_model: "", format: "gguf", family, families: family === "" ? [] : [family], parameter_size: "", quantization_level: "" };
}

export function modelForm(model: Model): object {
    return { name: model.name, model: model.name, modified_at: new Date(model.modifiedMs).toISOString(), size: model.sizeBytes, digest: digestOf(model), details: details() };
}
