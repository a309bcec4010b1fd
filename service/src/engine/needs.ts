/** What a model needs before it is loaded, read from its file, and whether that can fit at all. */

import { stat } from "node:fs/promises";
import type { GgufInsights } from "node-llama-cpp";
import { badRequest, messageOf, ServiceError } from "../errors.js";
import type { LoadSpec } from "./engine.js";
import { checkGguf } from "./gguf.js";
import { megabytes } from "./memory.js";
import type { Runtime } from "./runtime.js";
import { LEAST_CONTEXT } from "./sizing.js";

/** Where a model does not say how many tokens it was trained for. */
const TRAINED_FOR = 4096;

/** Tokens of a slot that a model gets room for when the request does not say. */
const USUAL_CONTEXT = 4096;

/** Bytes where nothing else is said. */
export interface Needs {
    /** Tokens. */
    readonly trainContextSize: number;
    readonly onGpu: boolean;
    /** With all layers that may go there. */
    readonly weights: number;
    /** Of one slot, for each token. */
    readonly perToken: number;
}

/** Tokens of a slot that the memory must have room for. */
export function contextToFit(spec: LoadSpec, { trainContextSize }: Needs): number {
    return spec.contextSize ?? Math.min(USUAL_CONTEXT, trainContextSize);
}

/**
 * Before any other model is unloaded for it.
 * @param total bytes of main memory
 * @throws ServiceError with the numbers
 */
export function refuseImpossible(spec: LoadSpec, needs: Needs, total: number): void {
    const { name, contextSize } = spec;
    const { trainContextSize, onGpu, weights, perToken } = needs;
    if (contextSize !== undefined && contextSize > trainContextSize) {
        throw badRequest(`contextSize ${contextSize} is beyond the ${trainContextSize} tokens that ${name} was trained for.`);
    }
    if (onGpu) {
        // What does not fit there may stay in main memory: llama.cpp's own check knows better.
        return;
    }
    const asked = contextSize ?? LEAST_CONTEXT;
    const state = asked * perToken;
    if (weights + state <= total) {
        return;
    }
    const numbers = `the model has ${megabytes(weights)}, a context of ${asked} tokens takes ${megabytes(state)}, and there are ${megabytes(total)} of memory`;
    if (contextSize !== undefined && weights + LEAST_CONTEXT * perToken <= total) {
        const most = Math.floor((total - weights) / perToken);
        throw badRequest(`contextSize ${contextSize} is beyond the memory: ${numbers}. At most about ${most} tokens fit.`);
    }
    throw new ServiceError(500, `The model ${name} is too large for the memory: ${numbers}.`);
}

/** Reads files, and remembers: a whole header takes a noticeable time, and the same file tends to come again. */
export class NeedsReader {
    /** By file, what tells that it is another one, and layers. */
    private readonly known = new Map<string, Needs>();

    /** @param hasGpu whether layers can lie on a GPU at all */
    public constructor(
        private readonly runtime: Runtime,
        private readonly hasGpu: boolean,
    ) {}

    /** @throws ServiceError when the file cannot be loaded, as far as its header shows */
    public async of(spec: LoadSpec): Promise<Needs> {
        const { size, ino, ctimeMs } = await stat(spec.file).catch((thrown: unknown) => {
            throw new ServiceError(500, `The model ${spec.name} cannot be read: ${messageOf(thrown)}`);
        });
        const key = [spec.file, size, ino, ctimeMs, spec.gpulayer ?? ""].join("\n");
        const known = this.known.get(key);
        if (known !== undefined) {
            return known;
        }
        await checkGguf(spec.name, spec.file);
        const needs = await this.read(spec);
        this.known.set(key, needs);
        return needs;
    }

    private async read(spec: LoadSpec): Promise<Needs> {
        const insights = await this.insightsOf(spec);
        const onGpu = this.hasGpu && spec.gpulayer !== 0;
        const gpuLayers = onGpu ? Math.min(spec.gpulayer ?? insights.totalLayers, insights.totalLayers) : 0;
        const weights = await insights.estimateModelResourceRequirementsV2({ gpuLayers });
        const state = async (contextSize: number): Promise<number> => {
            const { cpuRam, gpuVram } = await insights.estimateContextResourceRequirementsV2({ contextSize, modelGpuLayers: gpuLayers, sequences: 1, batchSize: 64 });
            return onGpu ? gpuVram : cpuRam;
        };
        const trainContextSize = insights.trainContextSize ?? TRAINED_FOR;
        const [small, large] = [Math.min(1024, trainContextSize), Math.min(4096, trainContextSize)];
        const perToken = large > small ? ((await state(large)) - (await state(small))) / (large - small) : (await state(large)) / large;
        return { trainContextSize, onGpu, weights: onGpu ? weights.gpuVram : insights.modelSize, perToken: Math.max(0, perToken) };
    }

    private async insightsOf({ name, file }: LoadSpec): Promise<GgufInsights> {
        const { library, llama } = this.runtime;
        let insights: GgufInsights;
        try {
            const info = await library.readGgufFileInfo(file, { sourceType: "filesystem", logWarnings: false });
            insights = await library.GgufInsights.from(info, llama);
        } catch (thrown) {
            throw new ServiceError(500, `The model ${name} cannot be loaded: ${messageOf(thrown)}`);
        }
        if (!insights.isSupportedByLlamaCpp) {
            const { architecture } = insights.ggufFileInfo.metadata.general;
            throw new ServiceError(500, `The model ${name} cannot be loaded: llama.cpp does not know the architecture "${architecture}".`);
        }
        return insights;
    }
}
