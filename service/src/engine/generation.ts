/** One answer: prompt in, text and token counts out. */

import type { ChatHistoryItem, ChatModelFunctions, ChatWrapper, LlamaContextSequence, LlamaGrammar, LlamaModel, Token } from "node-llama-cpp";
import { randomUUID } from "node:crypto";
import type { GenerationOptions } from "../config/configuration.js";
import { badRequest } from "../errors.js";
import type { ChatRequest, FinishReason, Generated, GenerationRequest, RunOptions, ToolCall, Usage } from "./engine.js";
import { toHistory } from "./history.js";
import type { Library } from "./library.js";

export interface Means {
    readonly library: Library;
    readonly model: LlamaModel;
    readonly sequence: LlamaContextSequence;
    readonly chatWrapper: ChatWrapper;
    readonly grammar: LlamaGrammar | undefined;
}

/** A prompt as the model sees it. */
export interface Laid {
    readonly tokens: readonly Token[];
    /** Absent for a completion. */
    readonly history?: ChatHistoryItem[];
    readonly functions?: ChatModelFunctions;
}

/** Our options in node-llama-cpp's words. */
function sampling(options: GenerationOptions): object {
    const { repeatPenalty, ...rest } = options;
    // Absent would be a penalty of 1.1 there, so "none" is said aloud.
    return { ...rest, repeatPenalty: repeatPenalty === 1 ? (false as const) : { penalty: repeatPenalty } };
}

/** The tools that the model may call by itself. */
function functionsOf({ tools = [], toolChoice = "auto" }: ChatRequest): ChatModelFunctions | undefined {
    if (tools.length === 0 || toolChoice === "none") {
        return undefined;
    }
    return Object.fromEntries(
        tools.map(({ name, description, parameters }) => [
            name,
            { ...(description === undefined ? {} : { description }), ...(parameters === undefined ? {} : { params: parameters as never }) },
        ]),
    );
}

/** Lays out the prompt with the chat template, and counts it. @throws ServiceError */
export function layOut(model: LlamaModel, chatWrapper: ChatWrapper, request: GenerationRequest): Laid {
    if (request.kind === "completion") {
        const tokens = model.tokenize(request.prompt);
        const bos = model.tokens.shouldPrependBosToken ? model.tokens.bos : null;
        return { tokens: bos === null || tokens[0] === bos ? tokens : [bos, ...tokens] };
    }
    const told = toHistory(request.messages);
    // Some templates bring a system message of their own where there is none.
    const history = told[0]?.type === "system" ? told : [...chatWrapper.generateInitialChatHistory({}), ...told];
    const functions = functionsOf(request);
    const { contextText } = chatWrapper.generateContextState({
        chatHistory: history.at(-1)?.type === "model" ? history : [...history, { type: "model", response: [] }],
        ...(functions === undefined ? {} : { availableFunctions: functions }),
    });
    return { tokens: contextText.tokenize(model.tokenizer), history, ...(functions === undefined ? {} : { functions }) };
}

/** @throws ServiceError with both counts */
export function checkFits(laid: Laid, contextSize: number): void {
    if (laid.tokens.length >= contextSize) {
        throw badRequest(
            `The prompt has ${laid.tokens.length} tokens and the context ${contextSize}: shorten it or ask for a larger contextSize.`,
        );
    }
}

/** What llama.cpp's answer and ours have in common. */
interface Answer {
    readonly text: string;
    readonly reasoning: string;
    readonly toolCalls: readonly ToolCall[];
    readonly finishReason: FinishReason;
}

async function answerChat(means: Means, laid: Laid, common: object, run: RunOptions): Promise<Answer> {
    const { library, sequence, chatWrapper, grammar } = means;
    const chat = new library.LlamaChat({ contextSequence: sequence, chatWrapper });
    try {
        const { response, fullResponse, functionCalls, metadata } = await chat.generateResponse(laid.history ?? [], {
            ...common,
            ...(laid.functions === undefined ? { ...(grammar === undefined ? {} : { grammar }) } : { functions: laid.functions }),
            onResponseChunk: ({ type, text, tokens }) => {
                run.onChunk?.({ kind: type === "segment" ? "reasoning" : "text", text, tokens: tokens.length });
            },
        });
        const reasoning = fullResponse.map((part) => (typeof part === "string" ? "" : part.text)).join("");
        const calls = (functionCalls ?? []) as readonly { functionName: string; params: unknown }[];
        const toolCalls = calls.map(({ functionName, params }) => ({
            id: `call_${randomUUID().replaceAll("-", "")}`,
            name: functionName,
            arguments: JSON.stringify(params ?? {}),
        }));
        const finishReason = toolCalls.length > 0 ? "tool" : metadata.stopReason === "maxTokens" ? "length" : "stop";
        return { text: response, reasoning, toolCalls, finishReason };
    } finally {
        chat.dispose();
    }
}

async function answerCompletion({ library, sequence, grammar }: Means, laid: Laid, common: object, run: RunOptions): Promise<Answer> {
    const completion = new library.LlamaCompletion({ contextSequence: sequence });
    let pending = 0;
    try {
        const { response, metadata } = await completion.generateCompletionWithMeta([...laid.tokens], {
            ...common,
            ...(grammar === undefined ? {} : { grammar }),
            onToken: (tokens) => {
                pending += tokens.length;
            },
            onTextChunk: (text) => {
                run.onChunk?.({ kind: "text", text, tokens: pending });
                pending = 0;
            },
        });
        return { text: response, reasoning: "", toolCalls: [], finishReason: metadata.stopReason === "maxTokens" ? "length" : "stop" };
    } finally {
        completion.dispose();
    }
}

/** @throws `signal.reason` when it is aborted, ServiceError when the prompt does not fit */
export async function generate(means: Means, request: GenerationRequest, run: RunOptions): Promise<Generated> {
    const { model, sequence, chatWrapper } = means;
    const started = performance.now();
    const laid = layOut(model, chatWrapper, request);
    checkFits(laid, sequence.contextSize);
    const meter = sequence.tokenMeter.getState();
    let first: number | undefined;
    const common = {
        ...sampling(request.options),
        // At the context's end an answer is cut: shifting would read most of the prompt again, and change it.
        maxTokens: Math.min(request.options.maxTokens, sequence.contextSize - laid.tokens.length),
        ...(request.stop === undefined ? {} : { customStopTriggers: request.stop }),
        signal: run.signal,
    };
    const timed: RunOptions = {
        signal: run.signal,
        onChunk: (chunk) => {
            first ??= performance.now();
            run.onChunk?.(chunk);
        },
    };
    const { text, reasoning, toolCalls, finishReason } =
        request.kind === "chat" ? await answerChat(means, laid, common, timed) : await answerCompletion(means, laid, common, timed);
    const ended = performance.now();
    const { usedInputTokens, usedOutputTokens } = sequence.tokenMeter.diff(meter);
    const usage: Usage = {
        promptTokens: laid.tokens.length,
        cachedTokens: Math.max(0, laid.tokens.length - usedInputTokens),
        completionTokens: usedOutputTokens,
        tokensPerSecond: rate(usedOutputTokens, started, first, ended),
        ...(first === undefined ? {} : { firstTokenMsec: Math.round(first - started) }),
    };
    return { text, ...(reasoning === "" ? {} : { reasoning }), toolCalls, finishReason, usage };
}

/** Tokens a second from the first token on; over the whole time when that is all there is. Times in ms. */
export function rate(tokens: number, started: number, first: number | undefined, ended: number): number {
    const [count, msec] = tokens > 1 && first !== undefined && ended > first ? [tokens - 1, ended - first] : [tokens, ended - started];
    return msec > 0 ? Math.round((count / msec) * 10_000) / 10 : 0;
}
