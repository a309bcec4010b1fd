/** The engine on node-llama-cpp: one model, one context, one sequence. */

import { cpus } from "node:os";
import type { ChatWrapper, Llama, LlamaContextSequence, LlamaGrammar, LlamaModel } from "node-llama-cpp";
import type { Backend } from "../backend.js";
import { badRequest, messageOf, ServiceError } from "../errors.js";
import type { Log } from "../log.js";
import type { ModelFacts } from "../models/catalog.js";
import type { Busy, Constraint, Device, Embedded, Engine, Generated, GenerationRequest, LoadedModel, LoadSpec, RunOptions } from "./engine.js";
import { generate } from "./generation.js";
import { checkGguf, inspectGguf } from "./gguf.js";
import { openRuntime, type Runtime } from "./runtime.js";

/** The smallest context that is tried, tokens; the contract's floor for requests too. */
const LEAST_CONTEXT = 512;

/**
 * The largest context that is taken unasked, tokens: more costs memory that most prompts never use.
 * On CPU it lies in main memory, where "what fits" would be taken from everybody else.
 */
const UNASKED_CONTEXT = { cpu: 8192, gpu: 32768 } as const;

/** Tokens read at once, CPU: an abort waits for the batch that runs, and 512 took up to 2.7 s. */
const CPU_BATCH = 128;

interface Loaded {
    readonly info: LoadedModel;
    readonly model: LlamaModel;
    readonly sequence: LlamaContextSequence;
    /** Resolved once: it parses and tries the model's own template. */
    readonly chatWrapper: ChatWrapper;
}

function sameSpec(a: LoadSpec, b: LoadSpec): boolean {
    return a.file === b.file && a.gpulayer === b.gpulayer && a.contextSize === b.contextSize;
}

/** Their type wants to know the schema while compiling; ours comes with the request. */
async function makeGrammar(llama: Llama, schema: object): Promise<LlamaGrammar> {
    return llama.createGrammarForJsonSchema(schema as never);
}

async function constrain(llama: Llama, constraint: Constraint): Promise<LlamaGrammar> {
    try {
        switch (constraint.kind) {
            case "schema":
                return await makeGrammar(llama, constraint.schema);
            case "json":
                return await llama.getGrammarFor("json");
            case "grammar":
                return await llama.createGrammar({ grammar: constraint.gbnf });
        }
    } catch (thrown) {
        throw badRequest(`The answer's form cannot be used as a grammar: ${messageOf(thrown)}`);
    }
}

const megabytes = (bytes: number): number => Math.round(bytes / 1024 ** 2);

export class LlamaEngine implements Engine {
    private runtime: Runtime | undefined;
    /** Requests that come during the start wait for it. */
    private starting: Promise<Runtime> | undefined;
    private slot: Loaded | undefined;

    public constructor(
        private readonly backend: Backend,
        private readonly threads: number,
        private readonly log: Log,
    ) {}

    public get ready(): boolean {
        return this.runtime !== undefined;
    }

    public get current(): LoadedModel | undefined {
        return this.slot?.info;
    }

    public async start(): Promise<void> {
        const started = performance.now();
        this.starting = openRuntime(this.backend, this.threads, this.log);
        this.runtime = await this.starting;
        const { device } = await this.device();
        const took = Math.round(performance.now() - started);
        this.log.write("info", "engine", `${this.backend.type} on ${device} is ready after ${took} ms`);
    }

    public async device(): Promise<Device> {
        const { type } = this.backend;
        if (type === "cpu" || this.runtime === undefined) {
            const device = type === "cpu" ? (cpus()[0]?.model ?? "unknown CPU") : "";
            return { type, device, totalVramMb: 0, usedVramMb: 0 };
        }
        const { llama } = this.runtime;
        const [names, vram] = await Promise.all([llama.getGpuDeviceNames(), llama.getVramState()]);
        return {
            type,
            device: names.join(", "),
            totalVramMb: megabytes(vram.total),
            usedVramMb: megabytes(vram.used),
        };
    }

    public get loaded(): readonly LoadedModel[] {
        return this.slot === undefined ? [] : [this.slot.info];
    }

    public find(spec: LoadSpec): LoadedModel | undefined {
        return this.slot !== undefined && sameSpec(this.slot.info.spec, spec) ? this.slot.info : undefined;
    }

    public async load(spec: LoadSpec, _busy: Busy, signal: AbortSignal): Promise<LoadedModel> {
        const runtime = await this.open();
        await checkGguf(spec.name, spec.file);
        // Two models at once may not fit, and on a GPU the new one would be laid around the old.
        await this.unload();
        const started = performance.now();
        this.slot = await this.bring(runtime, spec, signal);
        const { contextSize, gpulayer } = this.slot.info;
        const took = Math.round(performance.now() - started);
        this.log.write("info", "engine", `loaded ${spec.name} in ${took} ms: context ${contextSize} tokens, ${gpulayer} layers on GPU`);
        return this.slot.info;
    }

    public async generate(loaded: LoadedModel, request: GenerationRequest, run: RunOptions): Promise<Generated> {
        const { library, llama } = await this.open();
        const { model, sequence, chatWrapper } = this.held(loaded);
        const grammar = request.constraint === undefined ? undefined : await constrain(llama, request.constraint);
        return generate({ library, model, sequence, chatWrapper, grammar }, request, run);
    }

    public async embed(loaded: LoadedModel, texts: readonly string[], signal: AbortSignal): Promise<Embedded> {
        const { model } = this.held(loaded);
        const context = await model.createEmbeddingContext({ threads: this.threads, createSignal: signal });
        try {
            const vectors: (readonly number[])[] = [];
            let tokens = 0;
            for (const text of texts) {
                signal.throwIfAborted();
                tokens += context.calculateInputLength(text);
                vectors.push((await context.getEmbeddingFor(text)).vector);
            }
            return { vectors, tokens };
        } finally {
            await context.dispose();
        }
    }

    public async checkGrammar(schema: object): Promise<string> {
        const { llama } = await this.open();
        try {
            await makeGrammar(llama, schema);
            return "";
        } catch (thrown) {
            return messageOf(thrown);
        }
    }

    public async inspect(file: string): Promise<ModelFacts> {
        return inspectGguf(file);
    }

    public async close(): Promise<void> {
        await this.unload();
        await this.runtime?.llama.dispose();
        this.runtime = undefined;
        this.starting = undefined;
    }

    private held(loaded: LoadedModel): Loaded {
        if (this.slot?.info !== loaded) {
            throw new ServiceError(500, `The model ${loaded.spec.name} is not loaded any more.`);
        }
        return this.slot;
    }

    private async open(): Promise<Runtime> {
        if (this.starting === undefined) {
            throw new ServiceError(503, "The engine is not started.", 1);
        }
        return this.starting;
    }

    private async unload(): Promise<void> {
        const before = this.slot;
        this.slot = undefined;
        await before?.model.dispose();
    }

    private async bring({ library, llama }: Runtime, spec: LoadSpec, signal: AbortSignal): Promise<Loaded> {
        const onGpu = this.backend.gpu !== false && spec.gpulayer !== 0;
        const unasked = { min: LEAST_CONTEXT, max: onGpu ? UNASKED_CONTEXT.gpu : UNASKED_CONTEXT.cpu };
        const contextSize = spec.contextSize ?? unasked;
        let model: LlamaModel | undefined;
        try {
            model = await llama.loadModel({
                modelPath: spec.file,
                gpuLayers: spec.gpulayer ?? (spec.contextSize === undefined ? "auto" : { fitContext: { contextSize: spec.contextSize } }),
                loadSignal: signal,
            });
            const context = await model.createContext({
                contextSize,
                threads: this.threads,
                createSignal: signal,
                ...(onGpu ? {} : { batchSize: CPU_BATCH }),
            });
            const info: LoadedModel = {
                spec,
                sizeBytes: model.size,
                loadTimestamp: Date.now(),
                gpulayer: model.gpuLayers,
                contextSize: context.contextSize,
                trainContextSize: model.trainContextSize,
                slots: 1,
                batchSize: context.batchSize,
            };
            return { info, model, sequence: context.getSequence(), chatWrapper: library.resolveChatWrapper(model) };
        } catch (thrown) {
            await model?.dispose();
            if (signal.aborted) {
                throw signal.reason;
            }
            throw this.loadFailure(library, spec, thrown);
        }
    }

    private loadFailure(library: Runtime["library"], spec: LoadSpec, thrown: unknown): ServiceError {
        const why = `The model ${spec.name} cannot be loaded: ${messageOf(thrown).replace(/\.?$/, ".")}`;
        const asked = spec.gpulayer !== undefined || spec.contextSize !== undefined;
        if (thrown instanceof library.InsufficientMemoryError && asked) {
            return badRequest(`${why} Ask for a smaller contextSize or gpulayer, or leave them out.`);
        }
        return new ServiceError(500, why);
    }
}
