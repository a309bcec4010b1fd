/** GET /state and what lies below it. */

import type { LoadedModel } from "../../engine/engine.js";
import type { Model } from "../../models/catalog.js";
import { answers } from "../answers.js";
import { PULL_PROGRESS } from "./pull.js";
import type { Routes } from "../routes.js";

const megabytes = (bytes: number): number => Math.round((bytes / 1024 ** 2) * 10) / 10;

function modelRow({ name, relativeFileName, sizeBytes, facts }: Model): object {
    return { name, relativeFileName, sizeKb: Math.ceil(sizeBytes / 1024), ...facts };
}

function loadedModelRow(model: LoadedModel | undefined): object | null {
    if (model === undefined) {
        return null;
    }
    const { spec, sizeBytes, loadTimestamp, gpulayer, contextSize } = model;
    return { name: spec.name, sizeMb: megabytes(sizeBytes), loadTimestamp, gpulayer, contextSize };
}

const VERSION = { type: "object", required: ["version"], properties: { version: { type: "string" } } } as const;

const MODELS = {
    type: "object",
    required: ["models", "pulls", "mayChange"],
    properties: {
        pulls: { type: "array", items: PULL_PROGRESS, description: "Models that are being pulled" },
        mayChange: { type: "boolean", description: "Whether the API pulls and deletes models" },
        models: {
            type: "array",
            items: {
                type: "object",
                required: ["name", "relativeFileName", "sizeKb", "kind"],
                properties: {
                    name: { type: "string" },
                    relativeFileName: { type: "string", description: "Below modelDir" },
                    sizeKb: { type: "integer", minimum: 0 },
                    kind: { type: "string", enum: ["chat", "embedding", "rerank"], description: "What it can be asked for" },
                    layerCount: { type: "integer", minimum: 0 },
                    isReasoning: { type: "boolean" },
                },
            },
        },
    },
} as const;

const COUNT = { type: "integer", minimum: 0 } as const;
const AMOUNT = { type: "number", minimum: 0 } as const;

/** Every property is there. */
function whole(properties: object): object {
    return { type: "object", required: Object.keys(properties), properties };
}

const STATISTICS = whole({
    total: COUNT,
    success: COUNT,
    failed: COUNT,
    avgPromptDuration: COUNT,
    avgQueueDuration: COUNT,
    p95PromptDuration: COUNT,
    p95QueueDuration: COUNT,
});

const MODEL = {
    type: ["object", "null"],
    required: ["name", "sizeMb", "loadTimestamp"],
    properties: {
        name: { type: "string" },
        sizeMb: AMOUNT,
        loadTimestamp: COUNT,
        gpulayer: { ...COUNT, description: "Layers on the GPU" },
        contextSize: { ...COUNT, description: "Tokens" },
    },
} as const;

const stateSchema = (backendNames: readonly string[]): object => whole({
    serverStartTimestamp: { ...COUNT, description: "Milliseconds since the epoch" },
    serverUptimeSeconds: COUNT,
    currentModel: MODEL,
    gpuInfo: whole({
        type: { type: "string", enum: backendNames, description: "The mode of the table of backends" },
        title: { type: "string", description: "The same for people" },
        device: { type: "string" },
        totalVramMb: AMOUNT,
        usedVramMb: AMOUNT,
        reason: { type: "string", description: "Why this backend" },
        devices: { type: "array", items: whole({ name: { type: "string" }, totalVramMb: AMOUNT }), description: "Every card" },
        lost: { type: ["string", "null"], description: "Why the GPU is gone; null while it is there" },
    }),
    engine: whole({
        running: { type: "boolean", description: "The engine's process is ready for requests" },
        restarts: { ...COUNT, description: "How often it was started again since the service's start" },
        lastEnd: { type: ["string", "null"], description: "Why it ended last" },
        lastEndTimestamp: { type: ["integer", "null"], description: "Milliseconds since the epoch" },
    }),
    memoryUsageMb: { ...AMOUNT, description: "Resident, of the service and the engine's process" },
    memoryHeapMb: AMOUNT,
    memoryExternalMb: AMOUNT,
    queueSize: COUNT,
    savePromptEnabled: { type: "boolean" },
    stats1h: STATISTICS,
    stats3h: STATISTICS,
    stats24h: STATISTICS,
});

export const stateRoutes: Routes = (server, service) => {
    server.get(
        "/state/version",
        { config: { open: true }, schema: { tags: ["state"], summary: "The service's version", response: answers(VERSION, [500]) } },
        () => ({ version: service.version }),
    );

    server.get("/state/models", { schema: { tags: ["state"], summary: "Models that requests can name", response: answers(MODELS) } }, () => ({
        models: service.models.list().map(modelRow),
        pulls: service.puller.progress,
        mayChange: service.management.allowed,
    }));

    server.get("/state", { schema: { tags: ["state"], summary: "Model, device, memory, queue and statistics", response: answers(stateSchema(service.backendNames)) } }, async () => {
        const now = Date.now();
        const { mode, reason, devices } = service.backend;
        const [stats1h, stats3h, stats24h] = await service.promptTable.statistics([1, 3, 24]);
        const memory = process.memoryUsage();
        const { running, restarts, lastEnd, lastEndTimestamp, residentBytes } = service.engineState();
        return {
            serverStartTimestamp: service.startTimestamp,
            serverUptimeSeconds: Math.floor((now - service.startTimestamp) / 1000),
            currentModel: loadedModelRow(service.engine.current),
            gpuInfo: { type: mode.name, title: mode.title, ...(await service.engine.device()), reason, devices, lost: service.gpuLost() ?? null },
            engine: { running, restarts, lastEnd, lastEndTimestamp },
            memoryUsageMb: megabytes(memory.rss + residentBytes),
            memoryHeapMb: megabytes(memory.heapUsed),
            memoryExternalMb: megabytes(memory.external),
            queueSize: service.scheduler.waiting,
            savePromptEnabled: service.savePrompt,
            stats1h,
            stats3h,
            stats24h,
        };
    });
};
