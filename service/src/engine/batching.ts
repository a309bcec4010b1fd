/**
 * What goes into the next batch: first the next token of every answer, then pieces of the prompts that are
 * being read, as many tokens as can be computed in the time that others may wait.
 */

/** What a sequence wants computed; as node-llama-cpp's `BatchItem`. */
interface Wanted {
    readonly tokens: readonly unknown[];
}

interface Share<Item> {
    readonly item: Item;
    /** Tokens of it, at least 1. */
    readonly processAmount: number;
}

/** The longest prompt's share of what prompts get together, so that the others cannot stop it completely. */
const LONGEST_PART = 1 / 4;

/**
 * A request that comes or leaves while a batch is computed waits for the batch's end. So a batch takes no longer
 * than the first of these, and where others wait for their next token, no longer than the second. Large
 * batches are read faster, since each weight is fetched once a batch: of 2,000 tokens SmolLM2 Q4_0 reads 550 a
 * second on two threads in batches of 128, 420 in batches of 64, 240 in batches of 32.
 */
const ALONE_MSEC = 400;
const CROWDED_MSEC = 60;

/** Tokens that ggml's flash attention computes together on the CPU; it computes fewer one by one. */
const TOGETHER = 64;

/**
 * Beside answers, and where answers may come at any time, a single prompt is read in pieces as small as this:
 * that halves its speed with SmolLM2, and halves the wait of the others. Several prompts are read in pieces
 * that are computed together, since all of them wait for the reading.
 */
const LEAST_BESIDE = 16;

/** After requests came side by side, the next ones are expected to do so too, for this long. */
const CROWDED_FOR_MSEC = 30_000;

/** How much the last batch counts in the expected time of a token. */
const NEWS = 1 / 2;

export class Batching {
    private crowdedUntil = Number.NEGATIVE_INFINITY;
    /** The longest prompt had no part of the last batch. */
    private longestWaited = false;
    /** Milliseconds that a token of a prompt takes, where it was measured. */
    private perToken: number | undefined;
    /** The batch that is being computed, where the next one follows at once. */
    private measured: { readonly began: number; readonly tokens: number } | undefined;

    /** @param now milliseconds, any clock */
    public constructor(private readonly now: () => number = () => performance.now()) {}

    /**
     * Called for each batch right before it is computed. Prompts get what the answers leave, in pieces that
     * take as long as others may wait. Among prompts the shortest goes first: its answer then starts much
     * sooner, and a long prompt is delayed by little. Where all prompts but the longest fit, they have the
     * batch to themselves, but not twice in a row.
     * @param size tokens that the batch can hold
     */
    public share<Item extends Wanted>(items: readonly Item[], size: number): Share<Item>[] {
        const now = this.now();
        this.measure(now);
        if (items.length > 1) {
            this.crowdedUntil = now + CROWDED_FOR_MSEC;
        }
        const crowded = now < this.crowdedUntil;
        const answers = items.filter(({ tokens }) => tokens.length === 1).slice(0, size);
        const prompts = items.filter(({ tokens }) => tokens.length > 1).sort((a, b) => a.tokens.length - b.tokens.length);
        const most = answers.length > 0 ? Math.ceil(size / 2) : size;
        const piece = crowded ? this.pieceOf(most, CROWDED_MSEC, prompts.length > 1 ? TOGETHER : LEAST_BESIDE) : this.pieceOf(most, ALONE_MSEC, TOGETHER);
        // Prompts that end with this batch are worth some delay: they need no further batch.
        const room = Math.min(size - answers.length, crowded ? 2 * piece : piece);
        const shares = [...answers.map((item) => ({ item, processAmount: 1 })), ...this.sharePrompts(prompts, room, piece)];
        const more = shares.some(({ item, processAmount }) => processAmount > 1 && (processAmount < item.tokens.length || processAmount === size));
        this.measured = more ? { began: now, tokens: shares.reduce((sum, { processAmount }) => sum + processAmount, 0) } : undefined;
        return shares;
    }

    private measure(now: number): void {
        if (this.measured !== undefined && this.measured.tokens >= LEAST_BESIDE) {
            const last = (now - this.measured.began) / this.measured.tokens;
            const before = this.perToken ?? last;
            // The time may contain a pause: the prompt's request was aborted, and no request came for long.
            this.perToken = before + NEWS * (Math.min(last, 2 * before) - before);
        }
    }

    /**
     * A prompt comes in whole batches. It is read in these, or in halves of them, quarters and so on, so that no
     * small rest is left, which would take nearly as long.
     * @param most tokens: half a batch beside answers, which take a part of it
     * @param least tokens of a piece, however long they take
     */
    private pieceOf(most: number, msec: number, least: number): number {
        const { perToken } = this;
        if (perToken === undefined) {
            return Math.min(most, TOGETHER);
        }
        const takesTooLong = (piece: number): boolean => piece * perToken > msec;
        let piece = most;
        while (piece > TOGETHER && takesTooLong(piece)) {
            piece = Math.ceil(piece / 2);
        }
        // Half of what is computed together would take as long as the whole.
        return takesTooLong(piece) ? Math.min(piece, least) : piece;
    }

    /** @param piece tokens that a prompt gets at most, unless it ends with the batch */
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
