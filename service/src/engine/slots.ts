/**
 * Which slot takes a request. A slot is a sequence of the context and remembers the tokens it has read
 * and written: what a prompt shares with their begin need not be computed again. Values in, values out.
 */

/** A slot as it is seen by a prompt. */
export interface SlotView {
    /** The sequence's id. llama.cpp computes only consecutive ones together, so low ones are taken first. */
    readonly id: number;
    readonly busy: boolean;
    /** Tokens that it holds. */
    readonly held: number;
    /** Of these, from the begin on, those that the prompt begins with too. */
    readonly shared: number;
    /** The same when it has read the prompt that it is reading; `shared` when it reads none. */
    readonly willShare: number;
    /** Any clock; 0: never. */
    readonly lastUsed: number;
}

interface SlotChoice {
    readonly id: number;
    /** The slot whose state shall be copied into this one first, as it shares more with the prompt. */
    readonly copyFrom?: number;
}

/**
 * Tokens that make a copy worth it. It moves the whole state of a slot, some 0.1 s for 200 MB;
 * reading 128 tokens takes a small model on two cores half a second.
 */
const LEAST_COPIED = 128;

/**
 * Whether a slot is about to have read much more of the prompt than any holds: of several that come at
 * once with the same begin, one reads it and the others copy.
 */
export function worthWaiting(slots: readonly SlotView[]): boolean {
    const shared = (of: readonly SlotView[]): number => Math.max(0, ...of.map((slot) => slot.shared));
    return slots.some((slot) => slot.willShare > slot.shared && slot.willShare >= shared(slots.filter((other) => other !== slot)) + LEAST_COPIED);
}

/**
 * A slot that goes on with what it holds, or else the one unused for longest, filled from the one that
 * shares most: so a system prompt that many use is not lost with every conversation, and not read for each.
 * @param canCopy whether the model's state can be copied at all
 * @returns undefined when all are busy
 */
export function chooseSlot(slots: readonly SlotView[], canCopy: boolean): SlotChoice | undefined {
    const free = slots.filter(({ busy }) => !busy);
    const [oldest] = [...free].sort((a, b) => a.lastUsed - b.lastUsed || a.id - b.id);
    if (oldest === undefined) {
        return undefined;
    }
    const byShared = (a: SlotView, b: SlotView): number => b.shared - a.shared || a.id - b.id;
    // What is dropped of such a slot is less than what is kept.
    const [goesOn] = free.filter(({ held, shared }) => shared * 2 > held).sort(byShared);
    const [bestFree] = [...free].sort(byShared);
    const target = goesOn ?? (canCopy ? oldest : (bestFree ?? oldest));
    const [source] = [...slots].sort(byShared);
    if (canCopy && source !== undefined && source.shared >= target.shared + LEAST_COPIED) {
        return { id: target.id, copyFrom: source.id };
    }
    return { id: target.id };
}
