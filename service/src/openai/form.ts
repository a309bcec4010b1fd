/** Answers in OpenAI's form, whole and in pieces. Pure. */

import type { Chunk, FinishReason, Generated, Usage } from "../engine/engine.js";

/** What every object of one answer starts with. */
export interface Head {
    readonly id: string;
    /** Seconds since the epoch. */
    readonly created: number;
}

const FINISH: Readonly<Record<FinishReason, string>> = { stop: "stop", length: "length", tool: "tool_calls" };

export function usageForm({ promptTokens, completionTokens, cachedTokens = 0 }: Usage): object {
    return {
        prompt_tokens: promptTokens,
        completion_tokens: completionTokens,
        total_tokens: promptTokens + completionTokens,
        prompt_tokens_details: { cached_tokens: cachedTokens },
    };
}

function toolCalls({ toolCalls }: Generated): object[] {
    return toolCalls.map(({ id, name, arguments: given }) => ({ id, type: "function", function: { name, arguments: given } }));
}

export function chatForm({ id, created }: Head, model: string, answers: readonly Generated[], usage: Usage): object {
    const choices = answers.map((answer, index) => ({
        index,
        message: {
            role: "assistant",
            content: answer.text === "" && answer.toolCalls.length > 0 ? null : answer.text,
            refusal: null,
            ...(answer.reasoning === undefined || answer.reasoning === "" ? {} : { reasoning_content: answer.reasoning }),
            ...(answer.toolCalls.length === 0 ? {} : { tool_calls: toolCalls(answer) }),
        },
        logprobs: null,
        finish_reason: FINISH[answer.finishReason],
    }));
    return { id, object: "chat.completion", created, model, choices, usage: usageForm(usage) };
}

/** @param texts that come before the answers: the prompts, with `echo` */
export function completionForm({ id, created }: Head, model: string, answers: readonly Generated[], usage: Usage, texts: readonly string[]): object {
    const choices = answers.map(({ text, finishReason }, index) => ({
        index,
        text: `${texts[index] ?? ""}${text}`,
        logprobs: null,
        finish_reason: FINISH[finishReason],
    }));
    return { id, object: "text_completion", created, model, choices, usage: usageForm(usage) };
}

/** The pieces of a streamed answer. */
export interface Pieces {
    /** What comes first. */
    begin(index: number): object;
    piece(index: number, chunk: Chunk): object | undefined;
    /** What comes last. @param inPieces whether the calls came in pieces */
    end(index: number, answer: Generated, inPieces: boolean): object[];
}

function deltaOf({ kind, text, call, place = 0 }: Chunk): object {
    switch (kind) {
        case "text":
            return { content: text };
        case "reasoning":
            return { reasoning_content: text };
        case "call":
            return { tool_calls: [{ index: place, ...(call === undefined ? {} : { id: call.id, type: "function" }), function: { ...(call === undefined ? {} : { name: call.name }), arguments: text } }] };
    }
}

/** Each piece without the fields that all of them have. */
export const CHAT_PIECES: Pieces = {
    begin: (index) => ({ index, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null }),
    piece: (index, chunk) => ({ index, delta: deltaOf(chunk), logprobs: null, finish_reason: null }),
    end: (index, answer, inPieces) => {
        const calls = (inPieces ? [] : toolCalls(answer)).map((call, at) => ({ index: at, ...call }));
        const called = calls.length === 0 ? [] : [{ index, delta: { tool_calls: calls }, logprobs: null, finish_reason: null }];
        return [...called, { index, delta: {}, logprobs: null, finish_reason: FINISH[answer.finishReason] }];
    },
};

export function completionPieces(texts: readonly string[]): Pieces {
    const piece = (index: number, text: string, finish: string | null): object => ({ index, text, logprobs: null, finish_reason: finish });
    return {
        begin: (index) => piece(index, texts[index] ?? "", null),
        piece: (index, { kind, text }) => (kind === "text" ? piece(index, text, null) : undefined),
        end: (index, { finishReason }) => [piece(index, "", FINISH[finishReason])],
    };
}
