/** The engine on node-llama-cpp: models in memory, as many as fit, the least recently used one goes first. */

import { stat } from "node:fs/promises";
import { cpus } from "node:os";
import type { GgufInsights, LlamaModel } from "node-llama-cpp";
import type { Backend } from "../backend.js";
import { badRequest, messageOf, ServiceError } from "../errors.js";
import type { Witness } from "../gpu/watch.js";
import type { Log } from "../log.js";
import type { ModelFacts } from "../models/catalog.js";
import { Batching } from "./batching.js";
import { takeSteps } from "./corrected.js";
import {
    type Busy,
    type Device,
    type Embedded,
    type Engine,
    type Generated,
    type GenerationRequest,
    type LoadedModel,
    type LoadSpec,
    MemoryBusy,
    type RunOptions,
} from "./engine.js";
import { checkGguf, inspectGguf } from "./gguf.js";
import { Grammars } from "./grammars.js";
import { Host } from "./host.js";
import { type Memory, megabytes, memoryOfThisProcess } from "./memory.js";
import { openRuntime, type Runtime } from "./runtime.js";
import { copiesWeights, type EngineSettings, LEAST_CONTEXT, type Size, sizeModel } from "./sizing.js";
import { isServedBy } from "./spec.js";

/** What a model needs before it is there, and what it knows. Bytes where nothing else is said. */
interface Needs {
    readonly trainContextSize: number;
    readonly onGpu: boolean;
    /** With all layers that may go there. */
    readonly weights: number;
    /** Of one slot, for each token. */
    readonly perToken: number;
}

const whole = (bytes: number): number => Math.round(bytes / 1024 ** 2);

export class LlamaEngine implements Engine {
    private runtime: Runtime | undefined;
    private grammars: Grammars | undefined;
    /** Requests that come during the start wait for it. */
    private starting: Promise<Runtime> | undefined;
    /** Most recently used first. */
    private hosts: readonly Host[] = [];
    /** By file, its size and time of change, and layers. */
    private readonly needs = new Map<string, Needs>();

    public constructor(
        private readonly backend: Backend,
        private readonly threads: number,
        private readonly settings: EngineSettings,
        private readonly log: Log,
        /** Told how work on the GPU ends. */
        private readonly witness?: Witness,
    ) {}

    public get ready(): boolean {
        return this.runtime !== undefined;
    }

    public get loaded(): readonly LoadedModel[] {
        return this.hosts.map(({ info }) => info);
    }

    public get current(): LoadedModel | undefined {
        return this.hosts[0]?.info;
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
        try {
            const [names, vram] = await Promise.all([llama.getGpuDeviceNames(), llama.getVramState()]);
            return { type, device: names.join(", "), totalVramMb: whole(vram.total), usedVramMb: whole(vram.used) };
        } catch {
            void this.witness?.look();
            const { devices } = this.backend;
            const totalVramMb = devices.reduce((sum, device) => sum + device.totalVramMb, 0);
            return { type, device: devices.map(({ name }) => name).join(", "), totalVramMb, usedVramMb: 0 };
        }
    }

    public find(spec: LoadSpec): LoadedModel | undefined {
        const gpu = this.backend.gpu !== false;
        return this.hosts.find(({ info }) => isServedBy(info, spec, gpu))?.info;
    }

    public async load(spec: LoadSpec, busy: Busy, signal: AbortSignal): Promise<LoadedModel> {
        const runtime = await this.open();
        const needs = await this.knownNeeds(runtime, spec);
        this.refuseImpossible(spec, needs);
        await this.makeRoom(runtime, spec, needs, busy);
        signal.throwIfAborted();
        const started = performance.now();
        const host = await this.bring(runtime, spec, needs, signal);
        this.hosts = [host, ...this.hosts];
        const { contextSize, gpulayer, slots, batchSize } = host.info;
        const took = Math.round(performance.now() - started);
        this.log.write(
            "info",
            "engine",
            `loaded ${spec.name} in ${took} ms: ${slots} slots of ${contextSize} tokens, batches of ${batchSize}, ${gpulayer} layers on GPU`,
        );
        return host.info;
    }

    public async generate(model: LoadedModel, request: GenerationRequest, run: RunOptions): Promise<Generated> {
        return this.witnessed(run.signal, this.use(model).generate(request, run));
    }

    public async embed(model: LoadedModel, texts: readonly string[], signal: AbortSignal): Promise<Embedded> {
        return this.witnessed(signal, this.use(model).embed(texts, signal));
    }

    public async checkGrammar(schema: object): Promise<string> {
        const { llama } = await this.open();
        try {
            await llama.createGrammarForJsonSchema(schema as never);
            return "";
        } catch (thrown) {
            return messageOf(thrown);
        }
    }

    public async inspect(file: string): Promise<ModelFacts> {
        return inspectGguf(file);
    }

    public async close(): Promise<void> {
        for (const host of this.hosts) {
            await this.unload(host);
        }
        await this.runtime?.llama.dispose();
        this.runtime = undefined;
        this.starting = undefined;
    }

    /** Tells the witness of a success, and of a failure that is neither the request's nor its client's. */
    private async witnessed<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
        try {
            const done = await work;
            this.witness?.succeeded();
            return done;
        } catch (thrown) {
            if (!signal.aborted && !(thrown instanceof ServiceError)) {
                this.witness?.failed(thrown);
            }
            throw thrown;
        }
    }

    private async open(): Promise<Runtime> {
        if (this.starting === undefined) {
            throw new ServiceError(503, "The engine is not started.", 1);
        }
        return this.starting;
    }

    private use(model: LoadedModel): Host {
        const host = this.hosts.find(({ info }) => info === model);
        if (host === undefined) {
            throw new ServiceError(500, `The model ${model.spec.name} is not loaded any more.`);
        }
        this.hosts = [host, ...this.hosts.filter((other) => other !== host)];
        return host;
    }

    private async unload(host: Host): Promise<void> {
        this.hosts = this.hosts.filter((other) => other !== host);
        await host.dispose();
        this.log.write("info", "engine", `unloaded ${host.info.spec.name}`);
    }

    /** Reading a whole header takes a noticeable time, and the same file tends to come again. */
    private async knownNeeds(runtime: Runtime, spec: LoadSpec): Promise<Needs> {
        const { size, mtimeMs } = await stat(spec.file).catch((thrown: unknown) => {
            throw new ServiceError(500, `The model ${spec.name} cannot be read: ${messageOf(thrown)}`);
        });
        const key = [spec.file, size, mtimeMs, spec.gpulayer ?? ""].join("\n");
        const known = this.needs.get(key);
        if (known !== undefined) {
            return known;
        }
        await checkGguf(spec.name, spec.file);
        const needs = await this.needsOf(runtime, spec);
        this.needs.set(key, needs);
        return needs;
    }

    private async needsOf({ library, llama }: Runtime, spec: LoadSpec): Promise<Needs> {
        let insights: GgufInsights;
        try {
            const info = await library.readGgufFileInfo(spec.file, { sourceType: "filesystem", logWarnings: false });
            insights = await library.GgufInsights.from(info, llama);
        } catch (thrown) {
            throw new ServiceError(500, `The model ${spec.name} cannot be loaded: ${messageOf(thrown)}`);
        }
        if (!insights.isSupportedByLlamaCpp) {
            const { architecture } = insights.ggufFileInfo.metadata.general;
            throw new ServiceError(500, `The model ${spec.name} cannot be loaded: llama.cpp knows no architecture "${architecture}".`);
        }
        const onGpu = this.backend.gpu !== false && spec.gpulayer !== 0;
        const gpuLayers = onGpu ? Math.min(spec.gpulayer ?? insights.totalLayers, insights.totalLayers) : 0;
        const weights = await insights.estimateModelResourceRequirementsV2({ gpuLayers });
        const state = async (contextSize: number): Promise<number> => {
            const { cpuRam, gpuVram } = await insights.estimateContextResourceRequirementsV2({ contextSize, modelGpuLayers: gpuLayers, sequences: 1, batchSize: 64 });
            return onGpu ? gpuVram : cpuRam;
        };
        const trainContextSize = insights.trainContextSize ?? 4096;
        const [small, large] = [Math.min(1024, trainContextSize), Math.min(4096, trainContextSize)];
        const perToken = large > small ? ((await state(large)) - (await state(small))) / (large - small) : (await state(large)) / large;
        return { trainContextSize, onGpu, weights: onGpu ? weights.gpuVram : insights.modelSize, perToken: Math.max(0, perToken) };
    }

    /** Before anything is given up for it. @throws ServiceError with the numbers */
    private refuseImpossible(spec: LoadSpec, needs: Needs): void {
        const { contextSize } = spec;
        if (contextSize !== undefined && contextSize > needs.trainContextSize) {
            throw badRequest(`contextSize ${contextSize} is beyond the ${needs.trainContextSize} tokens that ${spec.name} was trained for.`);
        }
        if (needs.onGpu) {
            // What does not fit there may stay in main memory: llama.cpp's own check knows better.
            return;
        }
        const { total } = memoryOfThisProcess();
        const state = (contextSize ?? LEAST_CONTEXT) * needs.perToken;
        if (needs.weights + state <= total) {
            return;
        }
        const numbers = `the model has ${megabytes(needs.weights)}, a context of ${contextSize ?? LEAST_CONTEXT} tokens takes ${megabytes(state)}, and there are ${megabytes(total)} of memory`;
        if (contextSize !== undefined && needs.weights + LEAST_CONTEXT * needs.perToken <= total) {
            const most = Math.floor((total - needs.weights) / needs.perToken);
            throw badRequest(`contextSize ${contextSize} is beyond the memory: ${numbers}. At most about ${most} tokens fit.`);
        }
        throw new ServiceError(500, `The model ${spec.name} is too large for the memory: ${numbers}.`);
    }

    /** @throws MemoryBusy when only models that generate are left to unload */
    private async makeRoom(runtime: Runtime, spec: LoadSpec, needs: Needs, busy: Busy): Promise<void> {
        for (const same of this.hosts.filter(({ info }) => info.spec.file === spec.file)) {
            if (busy(same.info)) {
                throw new MemoryBusy(`${spec.name} is in use with other settings.`);
            }
            await this.unload(same);
        }
        const wanted = needs.weights + (spec.contextSize ?? Math.min(4096, needs.trainContextSize)) * needs.perToken;
        while (this.hosts.length > 0 && (await this.memory(runtime, needs.onGpu)).free < wanted) {
            const oldest = this.hosts.findLast(({ info }) => !busy(info));
            if (oldest === undefined) {
                throw new MemoryBusy(`${spec.name} needs ${megabytes(wanted)}, which models in use hold.`);
            }
            await this.unload(oldest);
        }
    }

    private async memory({ llama }: Runtime, onGpu: boolean): Promise<Memory> {
        return onGpu ? llama.getVramState() : memoryOfThisProcess();
    }

    private async bring(runtime: Runtime, spec: LoadSpec, needs: Needs, signal: AbortSignal): Promise<Host> {
        const { library, llama } = runtime;
        const { trainContextSize, onGpu, perToken } = needs;
        const fitContext = { contextSize: spec.contextSize ?? Math.min(4096, trainContextSize) };
        let model: LlamaModel | undefined;
        try {
            const copied = !onGpu && copiesWeights(needs.weights, memoryOfThisProcess().free);
            model = await llama.loadModel({
                modelPath: spec.file,
                gpuLayers: onGpu ? (spec.gpulayer ?? { fitContext }) : 0,
                ...(copied ? { useMmap: false } : {}),
                loadSignal: signal,
            });
            const { free } = await this.memory(runtime, onGpu);
            const size = sizeModel({
                on: onGpu ? "gpu" : "cpu",
                threads: this.threads,
                // Weights that are mapped may not be in memory yet.
                freeBytes: onGpu || copied ? free : free - needs.weights,
                weights: needs.weights,
                bytesPerToken: perToken,
                trainContextSize,
                ...(spec.contextSize === undefined ? {} : { contextSize: spec.contextSize }),
                settings: this.settings,
            });
            const { contextSize, sequences, batchSize } = await this.openContext(library, model, size, spec, signal);
            const info: LoadedModel = {
                spec,
                sizeBytes: model.size,
                loadTimestamp: Date.now(),
                gpulayer: model.gpuLayers,
                contextSize,
                trainContextSize,
                slots: sequences.length,
                batchSize,
            };
            this.grammars ??= new Grammars(llama);
            return new Host(library, this.grammars, { info, model, sequences, threads: this.threads });
        } catch (thrown) {
            await model?.dispose();
            if (signal.aborted) {
                throw signal.reason;
            }
            void this.witness?.look();
            throw thrown instanceof ServiceError ? thrown : this.loadFailure(library, spec, thrown);
        }
    }

    /** Fewer slots, then, unasked, a smaller context, until it fits. */
    private async openContext(
        library: Runtime["library"],
        model: LlamaModel,
        size: Size,
        spec: LoadSpec,
        signal: AbortSignal,
    ): Promise<{ contextSize: number; batchSize: number; sequences: ReturnType<Awaited<ReturnType<LlamaModel["createContext"]>>["getSequence"]>[] }> {
        let { slots, contextSize } = size;
        const batching = new Batching();
        for (;;) {
            try {
                const context = await model.createContext({
                    contextSize,
                    sequences: slots,
                    batchSize: size.batchSize,
                    threads: this.threads,
                    createSignal: signal,
                    failedCreationRemedy: false,
                    batching: { itemPrioritizationStrategy: ({ items, size: tokens }) => batching.share(items, tokens) },
                });
                // Where a GPU computes, threads that stay awake for it would only take time from others.
                if (!takeSteps(context, model.gpuLayers > 0 ? 0 : this.threads)) {
                    this.log.write("debug", "engine", "node-llama-cpp's native part is the stock one: one stream is slower");
                }
                if (slots > 1 && !("mentatorBatching" in library.LlamaContext)) {
                    this.log.write("warn", "engine", "node-llama-cpp is not corrected (npm run patch): parallel requests are slow");
                }
                const sequences = Array.from({ length: slots }, () => context.getSequence());
                return { contextSize: context.contextSize, batchSize: context.batchSize, sequences };
            } catch (thrown) {
                if (signal.aborted || (slots === 1 && (spec.contextSize !== undefined || contextSize <= LEAST_CONTEXT))) {
                    throw thrown;
                }
                [slots, contextSize] = slots > 1 ? [Math.floor(slots / 2), contextSize] : [1, Math.max(LEAST_CONTEXT, Math.floor(contextSize / 2))];
            }
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
