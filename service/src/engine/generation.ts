/** One answer: prompt in, text and token counts out. */

import type { ChatWrapper, LlamaContextSequence, LlamaGrammar, LlamaModel } from "node-llama-cpp";
import type { GenerationOptions } from "../config/configuration.js";
import { badRequest } from "../errors.js";
import type { Generated, GenerationRequest } from "./engine.js";
import type { Library } from "./library.js";

export interface Means {
    readonly library: Library;
    readonly model: LlamaModel;
    readonly sequence: LlamaContextSequence;
    readonly chatWrapper: ChatWrapper;
    readonly grammar: LlamaGrammar | undefined;
}

/** Our options in node-llama-cpp's words. */
function sampling(options: GenerationOptions): object {
    const { repeatPenalty, ...rest } = options;
    // Absent would be a penalty of 1.1 there, so "none" is said aloud.
    return { ...rest, repeatPenalty: repeatPenalty === 1 ? (false as const) : { penalty: repeatPenalty } };
}

/** Tokens of the whole prompt, as the chat template lays it out. */
function countPromptTokens({ chatWrapper, model }: Means, request: GenerationRequest): number {
    const { contextText } = chatWrapper.generateContextState({
        chatHistory: [
            ...chatWrapper.generateInitialChatHistory(request.system === undefined ? {} : { systemPrompt: request.system }),
            { type: "user", text: request.user },
            { type: "model", response: [] },
        ],
    });
    return contextText.tokenize(model.tokenizer).length;
}

/**
 * The sequence keeps what it has read: a prompt that begins like the one before is read from where they part.
 * @throws `signal.reason` when it is aborted, ServiceError when the prompt does not fit
 */
export async function generate(means: Means, request: GenerationRequest, signal: AbortSignal): Promise<Generated> {
    const { library, sequence, chatWrapper, grammar } = means;
    const promptTokens = countPromptTokens(means, request);
    if (promptTokens >= sequence.contextSize) {
        throw badRequest(
            `The prompt has ${promptTokens} tokens and the context ${sequence.contextSize}: shorten it or ask for a larger contextSize.`,
        );
    }
    const session = new library.LlamaChatSession({
        contextSequence: sequence,
        chatWrapper,
        ...(request.system === undefined ? {} : { systemPrompt: request.system }),
    });
    const meter = sequence.tokenMeter.getState();
    const started = performance.now();
    let first: number | undefined;
    try {
        const { responseText, stopReason } = await session.promptWithMeta(request.user, {
            ...sampling(request.options),
            ...(grammar === undefined ? {} : { grammar }),
            signal,
            onResponseChunk: () => {
                first ??= performance.now();
            },
        });
        const ended = performance.now();
        const completionTokens = sequence.tokenMeter.diff(meter).usedOutputTokens;
        return {
            text: responseText,
            cut: stopReason === "maxTokens",
            usage: { promptTokens, completionTokens, tokensPerSecond: rate(completionTokens, started, first, ended) },
        };
    } finally {
        session.dispose({ disposeSequence: false });
    }
}

/** Tokens a second from the first token on; over the whole time when that is all there is. Times in ms. */
export function rate(tokens: number, started: number, first: number | undefined, ended: number): number {
    const [count, msec] = tokens > 1 && first !== undefined && ended > first ? [tokens - 1, ended - first] : [tokens, ended - started];
    return msec > 0 ? Math.round((count / msec) * 10_000) / 10 : 0;
}
