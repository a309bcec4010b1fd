/** One model in memory: its context, its slots, and what runs on them. */

import type { ChatWrapper, LlamaContextSequence, LlamaEmbeddingContext, LlamaModel } from "node-llama-cpp";
import { badRequest, ServiceError } from "../errors.js";
import type { Embedded, Generated, GenerationRequest, LoadedModel, RunOptions } from "./engine.js";
import { callSchema, forcedTools } from "./forced-call.js";
import { checkFits, generate, type Laid, layOut } from "./generation.js";
import type { Grammars } from "./grammars.js";
import type { Library } from "./library.js";
import { chooseSlot } from "./slots.js";

/** Tokens of a text to embed, at most: a text is computed in one piece, which takes memory. */
const EMBEDDING_CONTEXT = 2048;

interface Slot {
    readonly id: number;
    readonly sequence: LlamaContextSequence;
    busy: boolean;
    lastUsed: number;
}

/** What node-llama-cpp uses itself for its decisions, but does not declare. */
interface Copying {
    _copyStateFromOtherSequence(source: LlamaContextSequence, upTo: number): Promise<boolean>;
}

export interface Held {
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
    /** Resolved once: it parses and tries the model's own template. */
    private readonly chatWrapper: ChatWrapper;
    private embedding: Promise<LlamaEmbeddingContext> | undefined;
    /** Embeddings go one after the other: they have one sequence. */
    private lastEmbedding: Promise<unknown> = Promise.resolve();
    private uses = 0;

    public constructor(
        private readonly library: Library,
        private readonly grammars: Grammars,
        private readonly held: Held,
    ) {
        this.info = held.info;
        this.model = held.model;
        this.slots = held.sequences.map((sequence, id) => ({ id, sequence, busy: false, lastUsed: 0 }));
        this.chatWrapper = library.resolveChatWrapper(held.model);
    }

    public async generate(request: GenerationRequest, run: RunOptions): Promise<Generated> {
        const forced = request.kind === "chat" ? forcedTools(request) : undefined;
        const constraint = forced === undefined ? request.constraint : ({ kind: "schema", schema: callSchema(forced) } as const);
        const grammar = constraint === undefined ? undefined : await this.grammars.of(constraint);
        const laid = layOut(this.model, this.chatWrapper, request);
        checkFits(laid, this.info.contextSize);
        run.signal.throwIfAborted();
        const slot = await this.take(laid);
        try {
            const { library, chatWrapper } = this;
            return await generate({ library, chatWrapper, grammar, sequence: slot.sequence }, request, laid, run);
        } catch (thrown) {
            if (!run.signal.aborted) {
                // What a failed decode has left behind is unknown.
                await slot.sequence.clearHistory().catch(() => undefined);
            }
            throw thrown;
        } finally {
            slot.busy = false;
        }
    }

    public async embed(texts: readonly string[], signal: AbortSignal): Promise<Embedded> {
        const turn = this.lastEmbedding.then(() => this.embedAll(texts, signal));
        this.lastEmbedding = turn.catch(() => undefined);
        return turn;
    }

    public async dispose(): Promise<void> {
        await this.model.dispose();
    }

    private async take({ tokens }: Laid): Promise<Slot> {
        const wanted = [...tokens];
        const choice = chooseSlot(
            this.slots.map(({ id, busy, lastUsed, sequence }) => ({
                id,
                busy,
                lastUsed,
                held: sequence.nextTokenIndex,
                shared: sequence.compareContextTokens(wanted).firstDifferentIndex,
            })),
            this.canCopy,
        );
        const slot = choice === undefined ? undefined : this.slots[choice.id];
        if (choice === undefined || slot === undefined) {
            throw new ServiceError(500, `All ${this.slots.length} slots of ${this.info.spec.name} are busy.`);
        }
        slot.busy = true;
        this.uses += 1;
        slot.lastUsed = this.uses;
        const source = choice.copyFrom === undefined ? undefined : this.slots[choice.copyFrom];
        if (source !== undefined) {
            await this.copy(source.sequence, slot.sequence, wanted);
        }
        return slot;
    }

    /** Recurrent and sliding-window states cannot be cut back to the shared begin. */
    private get canCopy(): boolean {
        return this.slots[0]?.sequence.needsCheckpoints === false;
    }

    private async copy(source: LlamaContextSequence, target: LlamaContextSequence, wanted: LlamaContextSequence["contextTokens"]): Promise<void> {
        const { firstDifferentIndex } = source.compareContextTokens(wanted);
        const copied = await (target as unknown as Copying)._copyStateFromOtherSequence(source, firstDifferentIndex).catch(() => false);
        if (!copied) {
            // A source that moved on meanwhile: what lies in the cells is not what the list of tokens says.
            await target.clearHistory();
        }
    }

    private async embedAll(texts: readonly string[], signal: AbortSignal): Promise<Embedded> {
        signal.throwIfAborted();
        const { contextSize } = this.info;
        const size = Math.min(EMBEDDING_CONTEXT, contextSize);
        this.embedding ??= this.model.createEmbeddingContext({ contextSize: size, batchSize: size, threads: this.held.threads });
        let context: LlamaEmbeddingContext;
        try {
            context = await this.embedding;
        } catch (thrown) {
            this.embedding = undefined;
            throw thrown;
        }
        const counts = texts.map((text) => context.calculateInputLength(text));
        for (const [index, count] of counts.entries()) {
            if (count === 0) {
                throw badRequest(`Text ${index + 1} of ${texts.length} is empty.`);
            }
            if (count > size - 2) {
                throw badRequest(`Text ${index + 1} of ${texts.length} has ${count} tokens and the context for embeddings ${size}: shorten it.`);
            }
        }
        const vectors: (readonly number[])[] = [];
        for (const text of texts) {
            signal.throwIfAborted();
            vectors.push((await context.getEmbeddingFor(text)).vector);
        }
        return { vectors, tokens: counts.reduce((sum, count) => sum + count, 0) };
    }
}
