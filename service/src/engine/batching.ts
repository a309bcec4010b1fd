/**
 * What goes into the next batch: every answer's next token first, then pieces of the prompts that are
 * being read. Values in, values out.
 */

/** What a sequence wants computed; as node-llama-cpp's `BatchItem`. */
export interface Wanted {
    readonly tokens: readonly unknown[];
}

export interface Share<Item> {
    readonly item: Item;
    /** Tokens of it, at least 1. */
    readonly processAmount: number;
}

/**
 * The longest prompt's part of what prompts get: short ones shall not hold it up for good. It gets no
 * more even where there is room: a short one's first token comes at the end of this batch.
 */
const LONGEST_PART = 1 / 4;

/**
 * Prompts get the whole batch, or half of it while answers are written: these wait for the batch's end
 * with each token. Among prompts the shortest goes first, as a short one gives its answer so much sooner
 * and delays a long one by little.
 * @param size tokens that the batch can hold
 */
export function shareBatch<Item extends Wanted>(items: readonly Item[], size: number): Share<Item>[] {
    const shares: Share<Item>[] = [];
    let left = size;
    for (const item of items.filter(({ tokens }) => tokens.length === 1)) {
        if (left > 0) {
            shares.push({ item, processAmount: 1 });
            left -= 1;
        }
    }
    if (shares.length > 0) {
        left = Math.min(left, Math.max(1, Math.floor(size / 2)));
    }
    const prompts = items.filter(({ tokens }) => tokens.length > 1).sort((a, b) => a.tokens.length - b.tokens.length);
    const longest = prompts.length > 1 ? Math.ceil(left * LONGEST_PART) : left;
    for (const [index, item] of prompts.entries()) {
        const last = index === prompts.length - 1;
        const processAmount = Math.min(item.tokens.length, last ? Math.min(left, longest) : left - longest);
        if (processAmount > 0) {
            shares.push({ item, processAmount });
            left -= processAmount;
        }
    }
    return shares;
}
