/**
 * Tells failures of the native part's computing from all others. Only those may mean that the GPU is gone: an exception
 * of JavaScript, a grammar or a template that does not fit are faults of a request or of ours.
 *
 * A failure is known by where it comes from: what the addon's `decodeBatch` is rejected with, and nothing else. That is
 * the call that computes on the device. Its messages are no help, as JavaScript's own errors may say anything.
 */

import type { LlamaContext, LlamaEmbeddingContext } from "node-llama-cpp";

interface Native {
    decodeBatch(...given: unknown[]): Promise<unknown>;
}

interface Inside {
    readonly _ctx?: Native;
    /** Of a context for embeddings. */
    readonly _llamaContext?: Inside;
}

/** llama.cpp found no place in the context's memory: the device is well. */
const NO_PLACE = "could not find a KV slot";

const failures = new WeakSet<object>();
const watched = new WeakSet<object>();

/** When the batches that are being computed were begun, by `performance.now()`. */
const running = new Set<{ readonly began: number }>();

/** For how long the oldest batch that has not ended has been computing, ms; 0 where none is. */
export function longestStepMsec(): number {
    const [oldest] = running;
    return oldest === undefined ? 0 : Math.max(1, Math.round(performance.now() - oldest.began));
}

/** From now on failures of this context are known as such. */
export function watchNative(context: LlamaContext | LlamaEmbeddingContext): void {
    const inside = context as unknown as Inside;
    const native = (inside._llamaContext ?? inside)._ctx;
    if (native === undefined || watched.has(native)) {
        return;
    }
    watched.add(native);
    const decode = native.decodeBatch.bind(native);
    const value = async (...given: unknown[]): Promise<unknown> => {
        const step = { began: performance.now() };
        running.add(step);
        try {
            return await decode(...given);
        } catch (thrown) {
            if (thrown instanceof Error && !thrown.message.includes(NO_PLACE)) {
                failures.add(thrown);
            }
            throw thrown;
        } finally {
            running.delete(step);
        }
    };
    Object.defineProperty(native, "decodeBatch", { value, configurable: true });
}

/** Whether it came out of the native part's computing. */
export function isNativeFailure(thrown: unknown): boolean {
    return typeof thrown === "object" && thrown !== null && failures.has(thrown);
}
