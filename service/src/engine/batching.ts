/**
 * What goes into the next batch: every answer's next token first, then pieces of the prompts that are
 * being read.
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

/** The longest prompt's part of what prompts get beside others: these shall not hold it up for good. */
const LONGEST_PART = 1 / 4;

/**
 * After requests came side by side the next is expected to do so too, for so long. It cannot go into a
 * batch that is being computed, and waits for its end: so prompts are then read in smaller pieces, at
 * the price of reading slower (by a quarter, SmolLM2 Q4_0 on two threads, 32 tokens instead of 64).
 */
const CROWDED_MSEC = 30_000;

export class Batching {
    private crowdedUntil = Number.NEGATIVE_INFINITY;
    /** The longest prompt had nothing of the last batch. */
    private longestWaited = false;

    /** @param now milliseconds, any clock */
    public constructor(private readonly now: () => number = () => performance.now()) {}

    /**
     * Prompts get what the answers leave of the batch. One longer than half of it gets that half at most
     * while answers are written, or requests came side by side lately: all wait for the batch's end with
     * each token. Among prompts the shortest goes first, as a short one gives its answer so much sooner
     * and delays a long one by little: where all but the longest fit, they have the batch to themselves,
     * but not twice in a row.
     * @param size tokens that the batch can hold
     */
    public share<Item extends Wanted>(items: readonly Item[], size: number): Share<Item>[] {
        const now = this.now();
        if (items.length > 1) {
            this.crowdedUntil = now + CROWDED_MSEC;
        }
        const answers = items.filter(({ tokens }) => tokens.length === 1).slice(0, size);
        const prompts = items.filter(({ tokens }) => tokens.length > 1).sort((a, b) => a.tokens.length - b.tokens.length);
        const piece = now < this.crowdedUntil ? Math.ceil(size / 2) : size;
        return [...answers.map((item) => ({ item, processAmount: 1 })), ...this.sharePrompts(prompts, size - answers.length, piece)];
    }

    /** @param piece tokens of prompts from which on none is begun that does not end with the batch */
    private sharePrompts<Item extends Wanted>(prompts: readonly Item[], room: number, piece: number): Share<Item>[] {
        const longest = prompts.at(-1);
        if (longest === undefined) {
            return [];
        }
        const others = prompts.slice(0, -1);
        const fit = others.reduce((sum, { tokens }) => sum + tokens.length, 0) <= room;
        const kept = others.length === 0 ? Math.min(room, piece) : this.longestWaited || !fit ? Math.ceil(piece * LONGEST_PART) : 0;
        this.longestWaited = kept === 0;
        let given = 0;
        const shares = others.map((item) => {
            const wanted = item.tokens.length;
            const left = room - kept - given;
            const processAmount = wanted <= Math.min(left, piece) ? wanted : Math.max(0, Math.min(left, piece - kept - given));
            given += processAmount;
            return { item, processAmount };
        });
        return [...shares, { item: longest, processAmount: Math.min(longest.tokens.length, kept, room - given) }].filter(({ processAmount }) => processAmount > 0);
    }
}
