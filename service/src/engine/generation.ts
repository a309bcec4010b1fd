/** One answer on one sequence: prompt in, text and token counts out. */

import type { ChatHistoryItem, ChatModelFunctions, ChatWrapper, LlamaContextSequence, LlamaGrammar, LlamaModel, Token, TokenBias } from "node-llama-cpp";
import type { GenerationOptions } from "../config/configuration.js";
import { badRequest, ContextOverflow } from "../errors.js";
import { endAt } from "./corrected.js";
import type { Chunk, Generated, GenerationRequest, RunOptions } from "./engine.js";
import { callId, CallReader, forcedTools } from "./forced-call.js";
import { toHistory } from "./history.js";
import type { Library } from "./library.js";
import { type Answer, answerOwn, stopOf } from "./own-answer.js";
import type { OwnLayout } from "./own-template.js";

interface Means {
    readonly library: Library;
    readonly sequence: LlamaContextSequence;
    readonly chatWrapper: ChatWrapper;
    readonly grammar: LlamaGrammar | undefined;
    readonly tokenBias: TokenBias | undefined;
    /** Called after each piece of the prompt; `whole`: no more is read before the answer begins. */
    readonly onRead: (whole: boolean) => void;
}

/** A prompt as the model reads it. */
export interface Layout {
    readonly tokens: readonly Token[];
    /** Absent for a completion. */
    readonly history?: ChatHistoryItem[];
    /** Tools that the model may call or not. */
    readonly functions?: ChatModelFunctions;
    /** The answer is a tool call, by its grammar. */
    readonly forced: boolean;
    /** The model's own template laid it out; `history`, `functions` and `forced` are absent then. */
    readonly own?: OwnLayout;
}

/** The options as node-llama-cpp names them. */
function sampling(options: GenerationOptions): object {
    const { repeatPenalty, frequencyPenalty = 0, presencePenalty = 0, repeatPenaltyNum, penalizeNewline, ...rest } = options;
    const extent = {
        ...(repeatPenaltyNum === undefined ? {} : { lastTokens: repeatPenaltyNum }),
        ...(penalizeNewline === undefined ? {} : { penalizeNewLine: penalizeNewline }),
    };
    const none = repeatPenalty === 1 && frequencyPenalty === 0 && presencePenalty === 0;
    // node-llama-cpp takes a penalty of 1.1 when it is absent, so "none" is given explicitly.
    return { ...rest, repeatPenalty: none ? (false as const) : { penalty: repeatPenalty, frequencyPenalty, presencePenalty, ...extent } };
}

/**
 * Lays the prompt out with the chat template.
 * @param functions that the model is told of
 * @throws ServiceError
 */
export function layOut(model: LlamaModel, chatWrapper: ChatWrapper, request: GenerationRequest, functions: ChatModelFunctions | undefined): Layout {
    if (request.kind === "completion") {
        const tokens = model.tokenize(request.prompt);
        const { bos, shouldPrependBosToken } = model.tokens;
        const begun = bos === null || !shouldPrependBosToken || tokens[0] === bos ? tokens : [bos, ...tokens];
        return { tokens: begun, forced: false };
    }
    // Where the request has no system message, none is added: node-llama-cpp's own would take 79 tokens.
    const history = toHistory(request.messages);
    const forced = forcedTools(request) !== undefined;
    const { contextText } = chatWrapper.generateContextState({
        chatHistory: history.at(-1)?.type === "model" ? history : [...history, { type: "model", response: [] }],
        ...(functions === undefined ? {} : { availableFunctions: functions }),
    });
    return { tokens: contextText.tokenize(model.tokenizer), history, forced, ...(functions === undefined ? {} : { functions }) };
}

/** A sequence is full one token before its end, and one token must be left for the answer. @throws ServiceError with both counts */
export function checkFits({ tokens }: Layout, contextSize: number, of: ContextOverflow["of"]): void {
    if (tokens.length === 0) {
        throw badRequest("The prompt is empty.");
    }
    if (tokens.length > contextSize - 2) {
        throw new ContextOverflow(of, `The prompt has ${tokens.length} tokens and the context ${contextSize}: shorten it or ask for a larger contextSize.`);
    }
}

/**
 * Reads all but the last piece of the prompt, piece by piece, so that other requests see how far it is. The
 * last piece is left for the call that generates, which needs its logits.
 * @returns tokens that the sequence held already
 */
async function readPrompt({ sequence, onRead }: Means, tokens: readonly Token[], signal: AbortSignal): Promise<number> {
    const all = [...tokens];
    await sequence.adaptStateToTokens(all.slice(0, -1), false);
    const cached = sequence.nextTokenIndex;
    const piece = sequence.context.batchSize;
    signal.throwIfAborted();
    while (all.length - sequence.nextTokenIndex > piece) {
        await sequence.evaluateWithoutGeneratingNewTokens(all.slice(sequence.nextTokenIndex, sequence.nextTokenIndex + piece));
        signal.throwIfAborted();
        onRead(false);
    }
    onRead(true);
    return cached;
}

type OnChunk = (chunk: Chunk) => void;

/** What every way to generate is given. */
interface Common {
    readonly customStopTriggers?: readonly string[];
}

async function answerChat(means: Means, layout: Layout, common: Common, onChunk: OnChunk): Promise<Answer> {
    const { library, sequence, chatWrapper, grammar } = means;
    const chat = new library.LlamaChat({ contextSequence: sequence, chatWrapper });
    const { functions } = layout;
    const tools: object = functions === undefined ? {} : { functions, abortOnNonText: layout.forced };
    try {
        const { response, fullResponse, functionCalls, metadata } = await chat.generateResponse(layout.history ?? [], {
            ...common,
            // A forced call follows its grammar; the functions are only shown to the model. Both together need abortOnNonText.
            ...((functions === undefined || layout.forced) && grammar !== undefined ? { grammar } : {}),
            ...tools,
            onResponseChunk: ({ type, text, tokens }) => onChunk({ kind: type === "segment" ? "reasoning" : "text", text, tokens: tokens.length }),
        });
        const reasoning = fullResponse.map((part) => (typeof part === "string" ? "" : part.text)).join("");
        const calls = (functionCalls as readonly { functionName: string; params: unknown }[] | undefined) ?? [];
        const toolCalls = calls.map(({ functionName, params }) => ({ id: callId(), name: functionName, arguments: JSON.stringify(params ?? {}) }));
        const finishReason = toolCalls.length > 0 ? "tool" : metadata.stopReason === "maxTokens" ? "length" : "stop";
        return { text: response, reasoning, toolCalls, finishReason, ...stopOf(metadata, common.customStopTriggers ?? []) };
    } finally {
        chat.dispose({ disposeSequence: false });
    }
}

async function answerCompletion({ library, sequence, grammar }: Means, layout: Layout, common: Common, onChunk: OnChunk): Promise<Answer> {
    const completion = new library.LlamaCompletion({ contextSequence: sequence, autoDisposeSequence: false });
    let pending = 0;
    try {
        const { response, metadata } = await completion.generateCompletionWithMeta([...layout.tokens], {
            ...common,
            ...(grammar === undefined ? {} : { grammar }),
            onToken: (tokens) => {
                pending += tokens.length;
            },
            onTextChunk: (text) => {
                onChunk({ kind: "text", text, tokens: pending });
                pending = 0;
            },
        });
        return { text: response, reasoning: "", toolCalls: [], finishReason: metadata.stopReason === "maxTokens" ? "length" : "stop", ...stopOf(metadata, common.customStopTriggers ?? []) };
    } finally {
        completion.dispose({ disposeSequence: false });
    }
}

/** The model writes a forced call as text; the client gets it as a call, also one that was cut. */
function asCall(answer: Answer, { call }: CallReader): Answer {
    return { ...answer, text: "", ...(call === undefined ? {} : { toolCalls: [call], finishReason: answer.finishReason === "stop" ? "tool" : "length" }) };
}

/** @param layout fits the sequence. @throws `signal.reason` when it is aborted */
export async function generate(means: Means, request: GenerationRequest, layout: Layout, run: RunOptions): Promise<Generated> {
    const { sequence, tokenBias } = means;
    const started = performance.now();
    const meter = sequence.tokenMeter.getState();
    let first: number | undefined;
    const cachedTokens = await readPrompt(means, layout.tokens, run.signal);
    // An answer is cut at the context's end: shifting the context would read most of the prompt again, and change it.
    const maxTokens = Math.min(request.options.maxTokens, sequence.contextSize - 1 - layout.tokens.length);
    endAt(sequence, layout.tokens.length + maxTokens);
    const common = {
        ...sampling(request.options),
        tokenBias,
        maxTokens,
        ...(request.kind === "chat" && request.oneCall === true ? { maxParallelFunctionCalls: 1 } : {}),
        ...(request.stop === undefined ? {} : { customStopTriggers: request.stop }),
        signal: run.signal,
    };
    const reader = new CallReader();
    const onChunk: OnChunk = (chunk) => {
        first ??= performance.now();
        if (layout.forced && chunk.kind === "text") {
            const begun = reader.call !== undefined;
            const text = reader.read(chunk.text);
            const { call } = reader;
            if (text !== undefined && call !== undefined) {
                run.onChunk?.({ kind: "call", text, tokens: chunk.tokens, ...(begun ? {} : { call: { id: call.id, name: call.name } }) });
            }
        } else if (chunk.text !== "" || chunk.tokens > 0 || chunk.call !== undefined) {
            run.onChunk?.(chunk);
        }
    };
    const plain = await (layout.own !== undefined
        ? answerOwn({ ...means, layout: layout.own }, common, onChunk)
        : request.kind === "chat"
          ? answerChat(means, layout, common, onChunk)
          : answerCompletion(means, layout, common, onChunk));
    const { text, reasoning, toolCalls, finishReason, stopText } = layout.forced ? asCall(plain, reader) : plain;
    const ended = performance.now();
    const completionTokens = sequence.tokenMeter.diff(meter).usedOutputTokens;
    return {
        text,
        ...(reasoning === "" ? {} : { reasoning }),
        toolCalls,
        finishReason,
        ...(stopText === undefined ? {} : { stopText }),
        usage: {
            promptTokens: layout.tokens.length,
            cachedTokens,
            completionTokens,
            tokensPerSecond: rate(completionTokens, started, first, ended),
            ...(first === undefined ? {} : { firstTokenMsec: Math.round(first - started) }),
        },
    };
}

/** Tokens a second from the first token on; over the whole time where there is only one token. Times in ms. */
export function rate(tokens: number, started: number, first: number | undefined, ended: number): number {
    const [count, msec] = tokens > 1 && first !== undefined && ended > first ? [tokens - 1, ended - first] : [tokens, ended - started];
    return msec > 0 ? Math.round((count / msec) * 10_000) / 10 : 0;
}
