/** Opens a model's context: the memory for its slots. */

import type { LlamaContextSequence, LlamaModel } from "node-llama-cpp";
import type { Log } from "../log.js";
import { Batching } from "./batching.js";
import { takeSteps } from "./corrected.js";
import type { Library } from "./library.js";
import { watchNative } from "./native-failure.js";
import { LEAST_CONTEXT, type Size } from "./sizing.js";

interface OpenContext {
    /** Tokens of one slot. */
    readonly contextSize: number;
    readonly batchSize: number;
    /** One a slot, in the order of their ids. */
    readonly sequences: readonly LlamaContextSequence[];
}

interface ContextSettings {
    readonly library: Library;
    readonly threads: number;
    readonly log: Log;
    readonly signal: AbortSignal;
    /** The request named the size: it is not made smaller. */
    readonly fixedSize: boolean;
}

/** Half the slots, or else half the context; nothing when it cannot be smaller. */
function smaller({ slots, contextSize, batchSize }: Size, fixedSize: boolean): Size | undefined {
    if (slots > 1) {
        return { slots: Math.floor(slots / 2), contextSize, batchSize };
    }
    if (fixedSize || contextSize <= LEAST_CONTEXT) {
        return undefined;
    }
    return { slots, contextSize: Math.max(LEAST_CONTEXT, Math.floor(contextSize / 2)), batchSize };
}

async function open(model: LlamaModel, { slots, contextSize, batchSize }: Size, { library, threads, log, signal }: ContextSettings): Promise<OpenContext> {
    const batching = new Batching();
    const context = await model.createContext({
        contextSize,
        sequences: slots,
        batchSize,
        threads,
        createSignal: signal,
        failedCreationRemedy: false,
        batching: { itemPrioritizationStrategy: ({ items, size: tokens }) => batching.share(items, tokens) },
    });
    watchNative(context);
    // Where a GPU computes, threads that stay awake for it would only take time from others.
    if (!takeSteps(context, model.gpuLayers > 0 ? 0 : threads)) {
        log.write("debug", "engine", "node-llama-cpp's native part is not patched: a single stream is slower");
    }
    if (slots > 1 && !("mentatorBatching" in library.LlamaContext)) {
        log.write("warn", "engine", "node-llama-cpp is not patched (npm run patch): parallel requests are slow");
    }
    const sequences = Array.from({ length: slots }, () => context.getSequence());
    return { contextSize: context.contextSize, batchSize: context.batchSize, sequences };
}

/**
 * With fewer slots, and then with a smaller context, until the memory is enough.
 * @throws what node-llama-cpp throws when even the smallest does not fit, or when it is aborted
 */
export async function openContext(model: LlamaModel, wanted: Size, settings: ContextSettings): Promise<OpenContext> {
    let size = wanted;
    for (;;) {
        try {
            return await open(model, size, settings);
        } catch (thrown) {
            const next = settings.signal.aborted ? undefined : smaller(size, settings.fixedSize);
            if (next === undefined) {
                throw thrown;
            }
            size = next;
        }
    }
}
