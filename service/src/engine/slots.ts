/**
 * Which slot takes a request. A slot is a sequence of the context and holds the tokens that it has read
 * and written: a prompt that starts with the same tokens need not compute them again. Values in, values out.
 */

/** A slot as it is seen by a prompt. */
export interface SlotView {
    /** The sequence's id. llama.cpp computes only consecutive ones together, so low ones are taken first. */
    readonly id: number;
    readonly busy: boolean;
    /** Tokens that it holds. */
    readonly held: number;
    /** Of these, how many the prompt starts with too. */
    readonly shared: number;
    /** The same once it has read the prompt that it is reading now; equal to `shared` when it does not read. */
    readonly willShare: number;
    /** Any clock; 0: never. */
    readonly lastUsed: number;
}

interface SlotChoice {
    readonly id: number;
    /** The slot whose state is copied into this one first, since it shares more with the prompt. */
    readonly copyFrom?: number;
}

/**
 * From this many tokens on, a copy is worth it. It moves the whole state of a slot, about 0.1 s for 200 MB;
 * a small model on two cores takes half a second to read 128 tokens.
 */
const LEAST_COPIED = 128;

/**
 * Whether a slot will soon have read much more of the prompt than any slot holds now: of several requests
 * that come at once and start alike, one reads the start and the others copy it.
 */
export function worthWaiting(slots: readonly SlotView[]): boolean {
    const shared = (of: readonly SlotView[]): number => Math.max(0, ...of.map((slot) => slot.shared));
    return slots.some((slot) => slot.willShare > slot.shared && slot.willShare >= shared(slots.filter((other) => other !== slot)) + LEAST_COPIED);
}

/**
 * The slot that already holds most of the prompt, or else the least recently used one, filled from the slot
 * that shares most. So a system prompt that many requests use is not lost with every conversation, and is
 * not read for each of them.
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
    // Such a slot keeps more than it drops.
    const [goesOn] = free.filter(({ held, shared }) => shared * 2 > held).sort(byShared);
    const [bestFree] = [...free].sort(byShared);
    const target = goesOn ?? (canCopy ? oldest : (bestFree ?? oldest));
    const [source] = [...slots].sort(byShared);
    if (canCopy && source !== undefined && source.shared >= target.shared + LEAST_COPIED) {
        return { id: target.id, copyFrom: source.id };
    }
    return { id: target.id };
}
