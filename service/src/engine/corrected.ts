/** What patches/ adds to node-llama-cpp; see patches/README.md. */

import type { LlamaContext, LlamaContextSequence } from "node-llama-cpp";

interface Corrected {
    /** The place of the answer's last token in the sequence: nothing is computed beyond. */
    _mentatorEnd: number;
    /** Once it is aborted, nothing of this sequence comes into the queue. */
    _mentatorSignal: AbortSignal | undefined;
    /** Takes out of the queue what waits there, if the sequence is still this signal's; what was computed of it is kept. */
    _mentatorWithdraw(signal: AbortSignal): Promise<void>;
    /** Makes its state the first tokens of `source`'s; false: it is empty now. */
    _mentatorCopy(source: LlamaContextSequence, upTo: number): Promise<boolean>;
}

/** Of the native part, which is another one where it was not compiled anew. */
interface CorrectedNative {
    mentatorSteps?(threads: number, poll: number): void;
}

/**
 * How long threads wait awake for the next batch, 0 to 100: some 5 ms. The next batch of an answer comes
 * sooner; the 50 of llama.cpp's own programs would hold up whoever computes next, as another model does.
 */
const POLL = 1;

/**
 * The context's batches are computed several in a row where nobody waits, by threads that stay.
 * @param threads 0: none stay, as where the GPU computes
 * @returns false: the native part is the stock one
 */
export function takeSteps(context: LlamaContext, threads: number): boolean {
    const native = (context as unknown as { readonly _ctx?: CorrectedNative })._ctx;
    native?.mentatorSteps?.(threads, POLL);
    return native?.mentatorSteps !== undefined;
}

/** @param tokens in the sequence when the answer is at its longest */
export function endAt(sequence: LlamaContextSequence, tokens: number): void {
    const corrected = correctedOf(sequence);
    if (corrected !== undefined) {
        corrected._mentatorEnd = tokens - 1;
    }
}

function correctedOf(sequence: LlamaContextSequence): Corrected | undefined {
    return "_mentatorCopy" in sequence ? (sequence as unknown as Corrected) : undefined;
}

/** Recurrent and sliding-window states cannot be cut back to a shared begin. */
export function canCopy(sequence: LlamaContextSequence): boolean {
    return correctedOf(sequence) !== undefined && !sequence.needsCheckpoints;
}

/** @param upTo tokens; `source` may be computing meanwhile */
export async function copyBegin(source: LlamaContextSequence, target: LlamaContextSequence, upTo: number): Promise<void> {
    await correctedOf(target)?._mentatorCopy(source, upTo);
}

/** `work` computes on the sequence until `signal` is aborted: then what is queued leaves the queue, and nothing more comes in. */
export async function interruptible<T>(sequence: LlamaContextSequence, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
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
