/** What the service needs of an inference engine. Tests put a fake here; llama-engine.ts is the real one. */

import type { GenerationOptions } from "../config/configuration.js";

/** A model as a request wants it loaded. */
export interface LoadSpec {
    /** As listed. */
    readonly name: string;
    /** Absolute path. */
    readonly file: string;
    /** Of the file, as listed: a file that was replaced is loaded again. Milliseconds. */
    readonly modifiedMs?: number;
    /** Layers on the GPU; absent: as many as fit. */
    readonly gpulayer?: number;
    /** Tokens of one slot; absent: what the model and the memory allow, up to the engine's limit. */
    readonly contextSize?: number;
}

/** A model in memory with its slots. The object itself is its identity: a reload gives another one. */
export interface LoadedModel {
    readonly spec: LoadSpec;
    readonly sizeBytes: number;
    /** Milliseconds since the epoch. */
    readonly loadTimestamp: number;
    /** As loaded, not as asked for. */
    readonly gpulayer: number;
    /** Tokens that one slot holds, prompt and answer together. */
    readonly contextSize: number;
    /** Tokens that the model was trained for. */
    readonly trainContextSize: number;
    /** Requests that generate at once. */
    readonly slots: number;
    /** Tokens that are read at once. */
    readonly batchSize: number;
}

/** A call that the model asks for. */
export interface ToolCall {
    readonly id: string;
    readonly name: string;
    /** JSON, as OpenAI's clients want it: a text. */
    readonly arguments: string;
}

export type ChatMessage =
    | { readonly role: "system" | "user"; readonly content: string }
    | { readonly role: "assistant"; readonly content: string; readonly toolCalls?: readonly ToolCall[] }
    | { readonly role: "tool"; readonly toolCallId: string; readonly content: string };

export interface ToolDefinition {
    readonly name: string;
    readonly description?: string;
    /** JSON Schema of the arguments. */
    readonly parameters?: object;
}

/** "required": some tool; `{name}`: that one. The arguments are valid against its schema in both. */
export type ToolChoice = "auto" | "none" | "required" | { readonly name: string };

/** What the answer must be. */
export type Constraint =
    | { readonly kind: "schema"; readonly schema: object }
    /** Any JSON object. */
    | { readonly kind: "json" }
    | { readonly kind: "grammar"; readonly gbnf: string };

interface Generation {
    readonly options: GenerationOptions;
    /** Texts that end the answer; not part of it. */
    readonly stop?: readonly string[];
    readonly constraint?: Constraint;
}

/** Laid out by the model's own chat template. The last message is the user's or a tool's. */
export interface ChatRequest extends Generation {
    readonly kind: "chat";
    readonly messages: readonly ChatMessage[];
    /** Not together with `constraint`. */
    readonly tools?: readonly ToolDefinition[];
    /** Absent: "auto". */
    readonly toolChoice?: ToolChoice;
    /** At most one call in the answer. */
    readonly oneCall?: boolean;
}

/** The raw text is continued, no template. */
export interface CompletionRequest extends Generation {
    readonly kind: "completion";
    readonly prompt: string;
}

export type GenerationRequest = ChatRequest | CompletionRequest;

/** What the tokenizer and the template are asked without generating. */
export type TextTask =
    /** How many tokens the prompt of this request has; "layOut": also the prompt itself. */
    | { readonly kind: "count" | "layOut"; readonly request: GenerationRequest }
    /** `special`: texts of special tokens become these; `begin`: with the token that begins a text, where the model has one; `pieces`: also the text of each. */
    | { readonly kind: "tokenize"; readonly text: string; readonly special: boolean; readonly begin: boolean; readonly pieces: boolean }
    | { readonly kind: "detokenize"; readonly tokens: readonly number[] };

export interface TextDone {
    /** Tokens. */
    readonly count: number;
    readonly tokens?: readonly number[];
    readonly pieces?: readonly string[];
    readonly text?: string;
}

/** A piece of the answer. All `text` pieces together are `Generated.text`. */
export interface Chunk {
    /** "call": of the arguments of a call; together they are the call's `arguments`. */
    readonly kind: "text" | "reasoning" | "call";
    readonly text: string;
    /** Which of the answer's calls, from 0 on; absent: the first one. */
    readonly place?: number;
    /** With the first piece of a call. */
    readonly call?: Pick<ToolCall, "id" | "name">;
    /** Tokens that this piece is made of; 0 is possible. */
    readonly tokens: number;
}

export interface RunOptions {
    /** Stops within one batch; the call then rejects with `signal.reason`. */
    readonly signal: AbortSignal;
    /** Called synchronously for each piece as it comes. Must not throw. */
    readonly onChunk?: (chunk: Chunk) => void;
}

export interface Usage {
    /** The whole prompt as the model sees it, template included. */
    readonly promptTokens: number;
    /** Of these, what a slot still held and was not computed again. */
    readonly cachedTokens?: number;
    /** Reasoning and tool calls included. */
    readonly completionTokens: number;
    /** From the first token on: reading the prompt does not count. */
    readonly tokensPerSecond: number;
    /** From the start of the call to the first token, ms: the time to read the prompt. Waiting and loading do not count. */
    readonly firstTokenMsec?: number;
}

/** "length": cut at `maxTokens` or at the context's end. An aborted call has no reason: it rejects. */
export type FinishReason = "stop" | "length" | "tool";

export interface Generated {
    readonly text: string;
    /** What a reasoning model wrote before its answer, without the marks around it. */
    readonly reasoning?: string;
    /** Empty unless `finishReason` is "tool"; or "length": then the arguments of a demanded call may be cut. */
    readonly toolCalls: readonly ToolCall[];
    readonly finishReason: FinishReason;
    /** The one of `stop` that ended the text. */
    readonly stopText?: string;
    readonly usage: Usage;
}

export interface Embedded {
    /** One per text, in their order. */
    readonly vectors: readonly (readonly number[])[];
    /** Of all texts together. */
    readonly tokens: number;
}

export interface Device {
    /** The processor's or the cards' name. */
    readonly device: string;
    readonly totalVramMb: number;
    readonly usedVramMb: number;
}

/** Models that generate, and so may not be unloaded. */
export type Busy = (model: LoadedModel) => boolean;

/** The same, where it is asked elsewhere. A model for which it says false gets no more requests from then on. */
export type AskBusy = (model: LoadedModel) => boolean | Promise<boolean>;

/** `load` throws it while models that generate hold the memory: try again when one of them is idle. */
export class MemoryBusy extends Error {}

/**
 * Only a scheduler calls `load`, `generate` and `embed`: it makes sure that a model has no more requests
 * than slots, and that no model is unloaded while a request runs on it.
 */
export interface Engine {
    /** Loads the native part. @throws StartError when the chosen backend cannot be used */
    start(): Promise<void>;
    readonly ready: boolean;
    device(): Promise<Device>;
    /** Models in memory, most recently used first. */
    readonly loaded: readonly LoadedModel[];
    /** The most recently used one. */
    readonly current: LoadedModel | undefined;
    /** The loaded model that serves `spec` as it is. */
    find(spec: LoadSpec): LoadedModel | undefined;
    /**
     * Loads a model. Unloads others, the least recently used first, where memory is needed. One call at a
     * time. When it throws, models that did not have to be unloaded are still usable.
     * @throws ServiceError with the reason, MemoryBusy
     */
    load(spec: LoadSpec, busy: Busy, signal: AbortSignal): Promise<LoadedModel>;
    /** At most `model.slots` calls at once. @throws `signal.reason` when aborted, ServiceError */
    generate(model: LoadedModel, request: GenerationRequest, run: RunOptions): Promise<Generated>;
    /** @throws `signal.reason` when aborted, ServiceError, e.g. when a text is longer than the context */
    embed(model: LoadedModel, texts: readonly string[], signal: AbortSignal): Promise<Embedded>;
    /** Needs no slot. @throws `signal.reason` when aborted, ServiceError */
    doText(model: LoadedModel, task: TextTask, signal: AbortSignal): Promise<TextDone>;
    /** "" or why the schema cannot be used as a grammar. */
    checkGrammar(schema: object): Promise<string>;
    close(): Promise<void>;
}

/** An engine that asks elsewhere which models are busy. */
export interface AskingEngine extends Engine {
    load(spec: LoadSpec, busy: AskBusy, signal: AbortSignal): Promise<LoadedModel>;
}
