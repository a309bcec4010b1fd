/** GET /state and what lies below it. */

import type { LoadedModel } from "../../engine/engine.js";
import type { Model } from "../../models/catalog.js";
import { statistics } from "../../store/statistics.js";
import type { Routes } from "../server.js";

const HOUR_MSEC = 3_600_000;

const megabytes = (bytes: number): number => Math.round((bytes / 1024 ** 2) * 10) / 10;

function listed({ name, relativeFileName, sizeBytes, facts }: Model): object {
    return { name, relativeFileName, sizeKb: Math.ceil(sizeBytes / 1024), ...facts };
}

function shown(model: LoadedModel | undefined): object | null {
    if (model === undefined) {
        return null;
    }
    const { spec, sizeBytes, loadTimestamp, gpulayer, contextSize } = model;
    return { name: spec.name, sizeMb: megabytes(sizeBytes), loadTimestamp, gpulayer, contextSize };
}

export const stateRoutes: Routes = (server, service) => {
    server.get("/state/version", () => ({ version: service.version }));

    server.get("/state/models", () => ({ models: service.models.list().map(listed) }));

    server.get("/state", async () => {
        const now = Date.now();
        const rows = service.promptTable.times(now - 24 * HOUR_MSEC);
        const memory = process.memoryUsage();
        return {
            serverStartTimestamp: service.startTimestamp,
            serverUptimeSeconds: Math.floor((now - service.startTimestamp) / 1000),
            currentModel: shown(service.engine.current),
            gpuInfo: { ...(await service.engine.device()), reason: service.backend.reason },
            memoryUsageMb: megabytes(memory.rss),
            memoryHeapMb: megabytes(memory.heapUsed),
            memoryExternalMb: megabytes(memory.external),
            queueSize: service.scheduler.waiting,
            savePromptEnabled: service.savePrompt,
            stats1h: statistics(rows, now - HOUR_MSEC),
            stats3h: statistics(rows, now - 3 * HOUR_MSEC),
            stats24h: statistics(rows, now - 24 * HOUR_MSEC),
        };
    });
};
