/** What the service needs of an inference engine. Tests put a fake here; llama-engine.ts is the real one. */

import type { BackendType } from "../backend.js";
import type { GenerationOptions } from "../config/configuration.js";
import type { ModelFacts } from "../models/catalog.js";

/** What is loaded, or shall be. A difference in any field is a reload. */
export interface LoadSpec {
    /** As listed. */
    readonly name: string;
    /** Absolute path. */
    readonly file: string;
    /** Layers on the GPU; absent: as many as fit. */
    readonly gpulayer?: number;
    /** Tokens; absent: what the model and the memory allow, up to the engine's limit. */
    readonly contextSize?: number;
}

export interface LoadedModel {
    readonly spec: LoadSpec;
    readonly sizeBytes: number;
    /** Milliseconds since the epoch. */
    readonly loadTimestamp: number;
    /** As loaded, not as asked for. */
    readonly gpulayer: number;
    /** Tokens, as loaded. */
    readonly contextSize: number;
}

export interface GenerationRequest {
    readonly system?: string;
    readonly user: string;
    readonly options: GenerationOptions;
    /** Constrains the answer. */
    readonly grammarSchema?: object;
}

export interface Usage {
    /** The whole prompt as the model sees it, template included. */
    readonly promptTokens: number;
    readonly completionTokens: number;
    /** Of the generation, from its first token on: reading the prompt does not count. */
    readonly tokensPerSecond: number;
}

export interface Generated {
    readonly text: string;
    readonly usage: Usage;
    /** The answer was cut at `maxTokens`. */
    readonly cut: boolean;
}

export interface Device {
    readonly type: BackendType;
    readonly device: string;
    readonly totalVramMb: number;
    readonly usedVramMb: number;
}

export interface Engine {
    /** Loads the native part. @throws StartError when the chosen backend cannot be used */
    start(): Promise<void>;
    readonly ready: boolean;
    device(): Promise<Device>;
    readonly current: LoadedModel | undefined;
    /**
     * Makes `spec` the current model. The one before is given up only when the new one's file is sound.
     * @throws ServiceError
     */
    load(spec: LoadSpec, signal: AbortSignal): Promise<"load" | "exists">;
    /** With the current model; one call at a time. @throws `signal.reason` when it is aborted */
    generate(request: GenerationRequest, signal: AbortSignal): Promise<Generated>;
    /** "" or why the schema makes no grammar. */
    checkGrammar(schema: object): Promise<string>;
    inspect(file: string): Promise<ModelFacts>;
    close(): Promise<void>;
}
