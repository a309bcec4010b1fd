/** The engine on node-llama-cpp: its start, its end, and who does what in between. */

import type { Backend } from "../backend/backend.js";
import { messageOf, ServiceError } from "../errors.js";
import type { Witness } from "../gpu/watch.js";
import type { Log } from "../log.js";
import { gpuDevice, listedDevice, processor } from "./device.js";
import type { AskBusy, AskingEngine, Device, Embedded, Generated, GenerationRequest, LoadedModel, LoadSpec, RunOptions, TextDone, TextTask } from "./engine.js";
import { Loader } from "./loader.js";
import { memoryOfThisProcess } from "./memory.js";
import { isNativeFailure } from "./native-failure.js";
import { NeedsReader, refuseImpossible } from "./needs.js";
import { Residents } from "./residents.js";
import { openRuntime, type Runtime } from "./runtime.js";
import type { EngineSettings } from "./sizing.js";

/** What is there once the native part is loaded. */
interface Started {
    readonly runtime: Runtime;
    readonly needs: NeedsReader;
    readonly loader: Loader;
}

export class LlamaEngine implements AskingEngine {
    private started: Started | undefined;
    /** Requests that come during the start wait for it. */
    private starting: Promise<Started> | undefined;
    private readonly residents: Residents;
    private readonly hasGpu: boolean;

    public constructor(
        private readonly backend: Backend,
        private readonly threads: number,
        private readonly settings: EngineSettings,
        private readonly log: Log,
        /** Is told how work on the GPU ends. */
        private readonly witness?: Witness,
    ) {
        this.residents = new Residents(log);
        this.hasGpu = backend.mode.gpu !== false;
    }

    public get ready(): boolean {
        return this.started !== undefined;
    }

    public get loaded(): readonly LoadedModel[] {
        return this.residents.infos;
    }

    public get current(): LoadedModel | undefined {
        return this.residents.infos[0];
    }

    public async start(): Promise<void> {
        const began = performance.now();
        this.starting = this.prepare();
        this.started = await this.starting;
        const { device } = await this.device();
        const took = Math.round(performance.now() - began);
        this.log.write("info", "engine", `${this.backend.mode.name} on ${device} is ready after ${took} ms`);
    }

    public async device(): Promise<Device> {
        if (!this.hasGpu) {
            return processor();
        }
        if (this.started === undefined) {
            return { device: "", totalVramMb: 0, usedVramMb: 0 };
        }
        try {
            return await gpuDevice(this.started.runtime.llama);
        } catch {
            void this.witness?.look();
            return listedDevice(this.backend);
        }
    }

    public find(spec: LoadSpec): LoadedModel | undefined {
        return this.residents.find(spec, this.hasGpu);
    }

    public async load(spec: LoadSpec, busy: AskBusy, signal: AbortSignal): Promise<LoadedModel> {
        const { runtime, needs: reader, loader } = await this.open();
        const needs = await reader.of(spec);
        refuseImpossible(spec, needs, memoryOfThisProcess().total);
        await this.residents.makeRoom(runtime.llama, spec, needs, busy);
        signal.throwIfAborted();
        const began = performance.now();
        const host = await loader.load(spec, needs, signal);
        this.residents.add(host);
        const { contextSize, gpulayer, slots, batchSize } = host.info;
        const took = Math.round(performance.now() - began);
        this.log.write(
            "info",
            "engine",
            `loaded ${spec.name} in ${took} ms: ${slots} slots of ${contextSize} tokens, batches of ${batchSize}, ${gpulayer} layers on GPU`,
        );
        return host.info;
    }

    public async generate(model: LoadedModel, request: GenerationRequest, run: RunOptions): Promise<Generated> {
        return this.watched(run.signal, this.residents.use(model).generate(request, run));
    }

    public async embed(model: LoadedModel, texts: readonly string[], signal: AbortSignal): Promise<Embedded> {
        return this.watched(signal, this.residents.use(model).embed(texts, signal));
    }

    public async doText(model: LoadedModel, task: TextTask, signal: AbortSignal): Promise<TextDone> {
        return this.residents.use(model).doText(task, signal);
    }

    public async checkGrammar(schema: object): Promise<string> {
        const { loader } = await this.open();
        try {
            await loader.grammars.of({ kind: "schema", schema });
            return "";
        } catch (thrown) {
            return messageOf(thrown);
        }
    }

    public async close(): Promise<void> {
        await this.residents.unloadAll();
        await this.started?.runtime.llama.dispose();
        this.started = undefined;
        this.starting = undefined;
    }

    private async prepare(): Promise<Started> {
        const { backend, threads, settings, log, witness } = this;
        const runtime = await openRuntime(backend, threads, log);
        const needs = new NeedsReader(runtime, this.hasGpu);
        return { runtime, needs, loader: new Loader(runtime, { threads, engine: settings, log, witness }) };
    }

    private async open(): Promise<Started> {
        if (this.starting === undefined) {
            throw new ServiceError(503, "The engine is not started.", 1);
        }
        return this.starting;
    }

    /** Tells the witness of a success, and of a failure of the native part. */
    private async watched<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
        try {
            const done = await work;
            this.witness?.onSuccess();
            return done;
        } catch (thrown) {
            if (!signal.aborted && isNativeFailure(thrown)) {
                this.witness?.onFailure(thrown);
            }
            throw thrown;
        }
    }
}
