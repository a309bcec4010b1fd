/** An answer in the model's own format: generated as a completion of the prompt, taken apart by llama.cpp's parser. */

import type { LlamaContextSequence, LlamaGrammar, LlamaModel, Token } from "node-llama-cpp";
import { withAnyOf } from "../schedule/abort.js";
import type { Chunk, FinishReason, ToolCall } from "./engine.js";
import type { Library } from "./library.js";
import { OwnReader } from "./own-reader.js";
import type { OwnLayout } from "./own-template.js";

export interface Answer {
    readonly text: string;
    readonly reasoning: string;
    readonly toolCalls: readonly ToolCall[];
    readonly finishReason: FinishReason;
    readonly stopText?: string;
}

/** The client's text that ended the answer. @param wanted the client's; others are the template's */
export function stopOf({ stopReason, customStopTrigger }: { readonly stopReason: string; readonly customStopTrigger?: readonly unknown[] | undefined }, wanted: readonly string[]): Pick<Answer, "stopText"> {
    const text = (customStopTrigger ?? []).filter((part) => typeof part === "string").join("");
    return stopReason === "customStopTrigger" && wanted.includes(text) ? { stopText: text } : {};
}

interface Means {
    readonly library: Library;
    readonly sequence: LlamaContextSequence;
    readonly grammar: LlamaGrammar | undefined;
    readonly layout: OwnLayout;
}

/** Special tokens are no text, unless they are marks of the format. */
function textOf(model: LlamaModel, tokens: readonly Token[], before: readonly Token[], kept: ReadonlySet<Token>): string {
    const last = [...before];
    let text = "";
    for (let at = 0; at < tokens.length; ) {
        const special = tokens.slice(at, at + 1).some((token) => kept.has(token));
        const next = tokens.findIndex((token, index) => index > at && kept.has(token) !== special);
        const run = tokens.slice(at, next === -1 ? tokens.length : next);
        text += model.detokenize(run, special, last);
        last.push(...run);
        at += run.length;
    }
    return text;
}

/** Tokens before a piece that say how it is written: whether a space is between them. */
const LOOK_BACK = 8;

export async function answerOwn({ library, sequence, grammar, layout }: Means, common: { readonly signal: AbortSignal; readonly customStopTriggers?: readonly string[] }, onChunk: (chunk: Chunk) => void): Promise<Answer> {
    const completion = new library.LlamaCompletion({ contextSequence: sequence, autoDisposeSequence: false });
    const { model } = sequence;
    const reader = new OwnReader(layout.parser, layout.mostCalls, onChunk);
    const enough = new AbortController();
    let before: Token[] = [];
    try {
        const { metadata } = await withAnyOf([common.signal, enough.signal], async (signal) =>
            completion.generateCompletionWithMeta([...layout.tokens], {
                ...common,
                customStopTriggers: [...(common.customStopTriggers ?? []), ...layout.stops],
                ...(grammar === undefined ? {} : { grammar }),
                signal,
                stopOnAbortSignal: true,
                onToken: (tokens) => {
                    const piece = textOf(model, tokens, before, layout.kept);
                    before = [...before, ...tokens].slice(-LOOK_BACK);
                    if (reader.read(piece, tokens.length)) {
                        enough.abort();
                    }
                },
            }),
        );
        common.signal.throwIfAborted();
        const parts = reader.end(metadata.stopReason !== "eogToken");
        const cut = metadata.stopReason === "maxTokens";
        return { ...parts, finishReason: cut ? "length" : parts.toolCalls.length > 0 ? "tool" : "stop", ...stopOf(metadata, common.customStopTriggers ?? []) };
    } finally {
        completion.dispose({ disposeSequence: false });
    }
}
