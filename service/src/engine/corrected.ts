/** What patches/ adds to node-llama-cpp; see patches/README.md. */

import type { LlamaContext, LlamaContextSequence } from "node-llama-cpp";

interface Corrected {
    /** The place of the answer's last token in the sequence: nothing after it is computed. */
    _mentatorEnd: number;
    /** Once it is aborted, nothing of this sequence enters the queue. */
    _mentatorSignal: AbortSignal | undefined;
    /** Takes out of the queue what waits there, if the sequence still belongs to this signal. What was computed is kept. */
    _mentatorWithdraw(signal: AbortSignal): Promise<void>;
    /** Copies the first tokens of `source` with their state; false: the sequence is empty now. */
    _mentatorCopy(source: LlamaContextSequence, upTo: number): Promise<boolean>;
}

/** Of the native part. The stock one has none of it. */
interface CorrectedNative {
    mentatorSteps?(threads: number, poll: number): void;
}

/**
 * How long threads stay awake for the next batch, 0 to 100; 1 is about 5 ms. The next batch of an answer comes
 * sooner than that. llama.cpp's own programs use 50, which would slow down others, as another model.
 */
const POLL = 1;

/**
 * The context then computes several batches in a row where no other request waits, with threads that stay.
 * @param threads that stay; 0 where the GPU computes
 * @returns false: the native part is the stock one
 */
export function takeSteps(context: LlamaContext, threads: number): boolean {
    const native = (context as unknown as { readonly _ctx?: CorrectedNative })._ctx;
    native?.mentatorSteps?.(threads, POLL);
    return native?.mentatorSteps !== undefined;
}

/** @param tokens in the sequence when the answer has its full length */
export function endAt(sequence: LlamaContextSequence, tokens: number): void {
    const corrected = correctedOf(sequence);
    if (corrected !== undefined) {
        corrected._mentatorEnd = tokens - 1;
    }
}

function correctedOf(sequence: LlamaContextSequence): Corrected | undefined {
    return "_mentatorCopy" in sequence ? (sequence as unknown as Corrected) : undefined;
}

/** Recurrent and sliding-window states cannot be cut back to a shared start. */
export function canCopy(sequence: LlamaContextSequence): boolean {
    return correctedOf(sequence) !== undefined && !sequence.needsCheckpoints;
}

/** @param upTo tokens; `source` may be computing meanwhile */
export async function copyStart(source: LlamaContextSequence, target: LlamaContextSequence, upTo: number): Promise<void> {
    await correctedOf(target)?._mentatorCopy(source, upTo);
}

/** Runs `work` on the sequence. When `signal` is aborted, what is queued leaves the queue, and nothing more enters it. */
export async function runInterruptibly<T>(sequence: LlamaContextSequence, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const corrected = correctedOf(sequence);
    if (corrected === undefined) {
        return work();
    }
    const withdraw = (): void => void corrected._mentatorWithdraw(signal);
    corrected._mentatorSignal = signal;
    signal.addEventListener("abort", withdraw, { once: true });
    try {
        return await work();
    } finally {
        signal.removeEventListener("abort", withdraw);
        corrected._mentatorSignal = undefined;
    }
}
