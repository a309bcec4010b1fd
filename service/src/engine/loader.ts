/** Loads one model into memory, with as many slots as fit beside it. */

import type { LlamaModel } from "node-llama-cpp";
import { badRequest, messageOf, ServiceError } from "../errors.js";
import type { Witness } from "../gpu/watch.js";
import type { Log } from "../log.js";
import { openContext } from "./context.js";
import type { LoadedModel, LoadSpec } from "./engine.js";
import { Grammars } from "./grammars.js";
import { Host } from "./host.js";
import { memoryFor, memoryOfThisProcess } from "./memory.js";
import { contextToFit, type Needs } from "./needs.js";
import type { Runtime } from "./runtime.js";
import { copiesWeights, type EngineSettings, sizeModel } from "./sizing.js";

interface LoaderSettings {
    readonly threads: number;
    readonly engine: EngineSettings;
    readonly log: Log;
    /** Learns that loading failed: the GPU may be gone. */
    readonly witness: Witness | undefined;
}

export class Loader {
    public readonly grammars: Grammars;

    public constructor(
        private readonly runtime: Runtime,
        private readonly settings: LoaderSettings,
    ) {
        this.grammars = new Grammars(runtime.llama);
    }

    /** @throws ServiceError that says why it cannot be loaded, `signal.reason` */
    public async load(spec: LoadSpec, needs: Needs, signal: AbortSignal): Promise<Host> {
        const { library, llama } = this.runtime;
        const { threads, witness } = this.settings;
        const copied = !needs.onGpu && copiesWeights(needs.weights, memoryOfThisProcess().free);
        let model: LlamaModel | undefined;
        try {
            model = await llama.loadModel({
                modelPath: spec.file,
                gpuLayers: needs.onGpu ? (spec.gpulayer ?? { fitContext: { contextSize: contextToFit(spec, needs) } }) : 0,
                ...(copied ? { useMmap: false } : {}),
                loadSignal: signal,
            });
            const { sequences, ...context } = await this.openSlots(model, spec, needs, copied, signal);
            const info: LoadedModel = {
                spec,
                sizeBytes: model.size,
                loadTimestamp: Date.now(),
                gpulayer: model.gpuLayers,
                trainContextSize: needs.trainContextSize,
                slots: sequences.length,
                ...context,
            };
            return new Host(library, this.grammars, { info, model, sequences, threads });
        } catch (thrown) {
            await model?.dispose();
            if (signal.aborted) {
                throw signal.reason;
            }
            void witness?.look();
            throw thrown instanceof ServiceError ? thrown : this.failure(spec, thrown);
        }
    }

    private async openSlots(model: LlamaModel, spec: LoadSpec, needs: Needs, copied: boolean, signal: AbortSignal): ReturnType<typeof openContext> {
        const { library, llama } = this.runtime;
        const { threads, log, engine } = this.settings;
        const { free } = await memoryFor(llama, needs.onGpu);
        const size = sizeModel({
            on: needs.onGpu ? "gpu" : "cpu",
            threads,
            // Weights that are mapped may not be in memory yet.
            freeBytes: needs.onGpu || copied ? free : free - needs.weights,
            weights: needs.weights,
            bytesPerToken: needs.perToken,
            trainContextSize: needs.trainContextSize,
            ...(spec.contextSize === undefined ? {} : { contextSize: spec.contextSize }),
            settings: engine,
        });
        return openContext(model, size, { library, threads, log, signal, fixedSize: spec.contextSize !== undefined });
    }

    private failure(spec: LoadSpec, thrown: unknown): ServiceError {
        const why = `The model ${spec.name} cannot be loaded: ${messageOf(thrown).replace(/\.?$/, ".")}`;
        const asked = spec.gpulayer !== undefined || spec.contextSize !== undefined;
        if (thrown instanceof this.runtime.library.InsufficientMemoryError && asked) {
            return badRequest(`${why} Ask for a smaller contextSize or gpulayer, or leave them out.`);
        }
        return new ServiceError(500, why);
    }
}
