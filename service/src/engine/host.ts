/** One model in memory: its context, its slots, and what runs on them. */

import type { LlamaContextSequence, LlamaEmbeddingContext, LlamaModel, Token } from "node-llama-cpp";
import { badRequest, ContextOverflow, ServiceError } from "../errors.js";
import { Bell } from "./bell.js";
import { canCopy, copyStart, runInterruptibly } from "./corrected.js";
import type { Embedded, Generated, GenerationRequest, LoadedModel, RunOptions, TextDone, TextTask } from "./engine.js";
import { checkFits, generate } from "./generation.js";
import type { Grammars } from "./grammars.js";
import type { Library } from "./library.js";
import { watchNative } from "./native-failure.js";
import { type Desk, deskOf, prepare } from "./prepare.js";
import { unitVector } from "./unit.js";
import { doText } from "./text-task.js";
import { biasOf } from "./token-bias.js";
import { refuseTooLong, textsOf } from "./too-long.js";
import { chooseSlot, type SlotView, worthWaiting } from "./slots.js";

/** Tokens of a text to embed, at most: a text is computed in one piece, which takes memory. */
const EMBEDDING_CONTEXT = 2048;

interface Slot {
    readonly id: number;
    readonly sequence: LlamaContextSequence;
    busy: boolean;
    lastUsed: number;
    /** The prompt, while it is being read. */
    reading: readonly Token[] | undefined;
}

interface Taken {
    readonly slot: Slot;
    /** The slot whose first tokens are copied into it. */
    readonly source: Slot | undefined;
}

/** How many of these tokens, from the first on, the sequence holds. */
function sharedStart(sequence: LlamaContextSequence, tokens: readonly Token[]): number {
    return sequence.compareContextTokens([...tokens]).firstDifferentIndex;
}

/** How many tokens both start with. */
function commonStart(one: readonly Token[], other: readonly Token[]): number {
    const different = one.findIndex((token, index) => token !== other[index]);
    return different === -1 ? one.length : different;
}

interface Held {
    readonly info: LoadedModel;
    readonly model: LlamaModel;
    /** In the order of their ids. */
    readonly sequences: readonly LlamaContextSequence[];
    readonly threads: number;
}

export class Host {
    public readonly info: LoadedModel;
    private readonly model: LlamaModel;
    private readonly slots: readonly Slot[];
    private readonly desk: Desk;
    private embedding: Promise<LlamaEmbeddingContext> | undefined;
    /** Embeddings are computed one after the other: they share one sequence. */
    private lastEmbedding: Promise<unknown> = Promise.resolve();
    private uses = 0;
    /** Rings when a slot has read a piece of its prompt, or has stopped reading. */
    private readonly progress = new Bell();

    public constructor(
        library: Library,
        grammars: Grammars,
        private readonly held: Held,
    ) {
        this.info = held.info;
        this.model = held.model;
        this.slots = held.sequences.map((sequence, id) => ({ id, sequence, busy: false, lastUsed: 0, reading: undefined }));
        this.desk = deskOf(library, grammars, held.model);
    }

    public async generate(request: GenerationRequest, run: RunOptions): Promise<Generated> {
        const of = request.kind === "chat" ? "messages" : "prompt";
        const { contextSize } = this.info;
        await refuseTooLong(textsOf(request), (text) => this.model.tokenize(text).length, { contextSize, of, signal: run.signal });
        const { layout, grammar } = await prepare(this.desk, request);
        checkFits(layout, contextSize, of);
        const { library, chatWrapper } = this.desk;
        const tokenBias = biasOf(library, this.model, request.options.tokenBias);
        run.signal.throwIfAborted();
        const { slot, source } = await this.take(layout.tokens, run.signal);
        const { sequence } = slot;
        try {
            if (source !== undefined) {
                await copyStart(source.sequence, sequence, sharedStart(source.sequence, layout.tokens));
            }
            const onRead = (whole: boolean): void => this.onRead(slot, whole);
            return await runInterruptibly(sequence, run.signal, () => generate({ library, chatWrapper, grammar, tokenBias, sequence, onRead }, request, layout, run));
        } catch (thrown) {
            if (!run.signal.aborted || thrown !== run.signal.reason) {
                // What a failed decode has left in the sequence is unknown.
                await sequence.clearHistory().catch(() => undefined);
            }
            throw thrown;
        } finally {
            slot.busy = false;
            this.onRead(slot, true);
        }
    }

    public async doText(task: TextTask, signal: AbortSignal): Promise<TextDone> {
        // The model's training counts where the context is smaller.
        return doText(this.desk, Math.max(this.info.contextSize, this.info.trainContextSize), task, signal);
    }

    public async embed(texts: readonly string[], signal: AbortSignal): Promise<Embedded> {
        const turn = this.lastEmbedding.then(() => this.embedAll(texts, signal));
        this.lastEmbedding = turn.catch(() => undefined);
        return turn;
    }

    public async dispose(): Promise<void> {
        await this.model.dispose();
    }

    /** A slot for this prompt. Waits while another slot reads the same start, which can be copied then. */
    private async take(tokens: readonly Token[], signal: AbortSignal): Promise<Taken> {
        while (this.canCopy && worthWaiting(this.views(tokens))) {
            await this.progress.next(signal);
        }
        const choice = chooseSlot(this.views(tokens), this.canCopy);
        const slot = choice === undefined ? undefined : this.slots[choice.id];
        if (choice === undefined || slot === undefined) {
            throw new ServiceError(500, `All ${this.slots.length} slots of ${this.info.spec.name} are busy.`);
        }
        this.uses += 1;
        slot.busy = true;
        slot.lastUsed = this.uses;
        slot.reading = tokens;
        return { slot, source: choice.copyFrom === undefined ? undefined : this.slots[choice.copyFrom] };
    }

    private views(tokens: readonly Token[]): SlotView[] {
        return this.slots.map(({ id, busy, lastUsed, sequence, reading }) => {
            const shared = sharedStart(sequence, tokens);
            const willShare = reading === undefined ? shared : Math.max(shared, commonStart(reading, tokens));
            return { id, busy, lastUsed, held: sequence.nextTokenIndex, shared, willShare };
        });
    }

    private get canCopy(): boolean {
        const [first] = this.slots;
        return first !== undefined && canCopy(first.sequence);
    }

    private onRead(slot: Slot, whole: boolean): void {
        if (whole) {
            slot.reading = undefined;
        }
        this.progress.ring();
    }

    private async embedAll(texts: readonly string[], signal: AbortSignal): Promise<Embedded> {
        signal.throwIfAborted();
        const { contextSize } = this.info;
        const size = Math.min(EMBEDDING_CONTEXT, contextSize);
        this.embedding ??= this.model.createEmbeddingContext({ contextSize: size, batchSize: size, threads: this.held.threads });
        let context: LlamaEmbeddingContext;
        try {
            context = await this.embedding;
            watchNative(context);
        } catch (thrown) {
            this.embedding = undefined;
            throw thrown;
        }
        for (const text of texts) {
            await refuseTooLong([text], (piece) => this.model.tokenize(piece).length, { contextSize: size, of: "input", signal });
        }
        const counts = texts.map((text) => context.calculateInputLength(text));
        for (const [index, count] of counts.entries()) {
            if (count === 0) {
                throw badRequest(`Text ${index + 1} of ${texts.length} is empty.`);
            }
            if (count > size - 2) {
                throw new ContextOverflow("input", `Text ${index + 1} of ${texts.length} has ${count} tokens and the context for embeddings ${size}: shorten it.`);
            }
        }
        const vectors: (readonly number[])[] = [];
        for (const text of texts) {
            signal.throwIfAborted();
            vectors.push(unitVector((await context.getEmbeddingFor(text)).vector));
        }
        return { vectors, tokens: counts.reduce((sum, count) => sum + count, 0) };
    }
}
