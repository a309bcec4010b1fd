/** How many slots a model gets, how many tokens each holds, and the size of a batch. Values in, values out. */

/** What the configuration asks for; 0: decided here. */
export interface EngineSettings {
    readonly slots: number;
    /** Tokens of one slot. */
    readonly contextSize: number;
    /** Tokens. */
    readonly batchSize: number;
    /** Requests that may wait. */
    readonly queueSize: number;
}

/** The contract's floor for requests, tokens. */
export const LEAST_CONTEXT = 512;

/** More bring little: on two threads 8 sequences give 2.5 times the tokens of one, and 16 give the same. */
const MOST_SLOTS = 8;

/**
 * Tokens of a slot when neither request nor settings say: the first size of which `slots` slots fit. More
 * would cost memory that most prompts never use. On CPU, many slots are worth more than long ones.
 */
const USUAL = {
    cpu: { contexts: [8192, 4096], slots: MOST_SLOTS },
    gpu: { contexts: [32_768, 16_384, 8192, 4096], slots: 4 },
} as const;

/** Sequences that keep one thread busy: a batch reads the weights once, however many sequences it has. */
const SLOTS_PER_THREAD = 4;

/**
 * Tokens of a batch, at most, for each thread: SmolLM2 Q4_0 on two threads reads 720 tokens/s in batches
 * of 128, 780 in batches of 256, 795 in batches of 512. How many a batch
 * really has depends on the time that they take (`batching.ts`).
 */
const CPU_BATCH_PER_THREAD = 128;
const GPU_BATCH = 512;

/** The part of the free memory that slots may take. The rest is for the next model and for other programs. */
const CONTEXT_PART = { cpu: 0.25, gpu: 0.8 } as const;

/**
 * Main memory is shared with other programs: the slots take no more of it than the model itself, or than this
 * where the model is small; bytes. llama.cpp writes to all of it at the start, so it is in use at once.
 */
const LEAST_BOUND = 768 * 1024 ** 2;

export interface Room {
    readonly on: "cpu" | "gpu";
    readonly threads: number;
    /** Bytes that are free beside the model's weights. */
    readonly freeBytes: number;
    /** Bytes of the model's weights. */
    readonly weights: number;
    /** Bytes of one slot's state for each token. */
    readonly bytesPerToken: number;
    /** Tokens that the model was trained for. */
    readonly trainContextSize: number;
    /** Tokens, as the request asks; beats the settings. */
    readonly contextSize?: number;
    readonly settings: EngineSettings;
}

export interface Size {
    readonly slots: number;
    /** Tokens of one slot. */
    readonly contextSize: number;
    readonly batchSize: number;
}

/** Bytes that slots may take. */
function budgetOf({ on, freeBytes, weights }: Room): number {
    const part = freeBytes * CONTEXT_PART[on];
    return on === "gpu" ? part : Math.min(part, Math.max(weights, LEAST_BOUND));
}

function slotsThatFit({ bytesPerToken }: Room, contextSize: number, bytes: number): number {
    return bytesPerToken > 0 ? Math.floor(bytes / (contextSize * bytesPerToken)) : MOST_SLOTS;
}

/** Always at least one slot, even where the memory is too small for it: loading then fails. */
export function sizeModel(room: Room): Size {
    const { on, settings, threads, trainContextSize } = room;
    const batchSize = settings.batchSize > 0 ? settings.batchSize : on === "gpu" ? GPU_BATCH : clamp(CPU_BATCH_PER_THREAD * threads, 128, 512);
    const most = on === "gpu" ? MOST_SLOTS : Math.min(MOST_SLOTS, SLOTS_PER_THREAD * threads);
    const asked = room.contextSize ?? (settings.contextSize > 0 ? settings.contextSize : undefined);
    const { contexts, slots: wanted } = asked === undefined ? USUAL[on] : { contexts: [asked], slots: 1 };
    const within = [...new Set(contexts.map((tokens) => Math.min(tokens, trainContextSize)))];
    const budget = budgetOf(room);
    let contextSize = within.find((tokens) => slotsThatFit(room, tokens, budget) >= Math.min(wanted, most)) ?? within.at(-1) ?? LEAST_CONTEXT;
    if (asked === undefined && slotsThatFit(room, contextSize, room.freeBytes) < 1 && room.bytesPerToken > 0) {
        // Not even one slot of the smallest size fits: take what there is.
        contextSize = clamp(Math.floor((room.freeBytes * 0.9) / room.bytesPerToken), Math.min(LEAST_CONTEXT, trainContextSize), contextSize);
    }
    const slots = settings.slots > 0 ? settings.slots : clamp(slotsThatFit(room, contextSize, budget), 1, most);
    return { slots, contextSize, batchSize: Math.max(batchSize, slots) };
}

/**
 * Whether the weights are copied into memory for the CPU, where they may lie on large pages: each token reads
 * all of them, 3 to 11 % faster than from the mapped file. A mapped file is better where memory is short: the
 * kernel may drop its pages and read them again. Bytes.
 */
export function copiesWeights(weights: number, free: number): boolean {
    return weights <= free / 2;
}

function clamp(value: number, least: number, most: number): number {
    return Math.min(Math.max(value, least), most);
}
