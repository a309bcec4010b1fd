/** The figures that are measured each time /metrics is asked for, a row each. */

import type { Engine } from "../engine/engine.js";
import type { ProcessState } from "../engine-process/supervisor.js";
import type { ModelCatalog } from "../models/catalog.js";
import type { Scheduler } from "../schedule/scheduler.js";
import type { Measured } from "./metrics.js";

const MEGABYTE = 1024 ** 2;

interface Sources {
    readonly engine: Engine;
    readonly engineState: () => ProcessState;
    readonly models: ModelCatalog;
    readonly scheduler: Scheduler;
    /** Milliseconds since the epoch. */
    readonly startTimestamp: number;
    /** A model can answer. */
    readonly ready: () => boolean;
    /** Why the GPU is gone, where there was one. */
    readonly gpuLost: () => string | undefined;
}

export function figuresOf({ engine, engineState, models, scheduler, startTimestamp, ready, gpuLost }: Sources): Measured[] {
    return [
        { name: "mentator_ready", help: "1: a model can answer, as /ready says", read: () => Number(ready()) },
        { name: "mentator_gpu_lost", help: "1: the GPU is gone, and requests are refused", read: () => Number(gpuLost() !== undefined) },
        { name: "mentator_engine_running", help: "1: the engine's process is ready for requests", read: () => Number(engineState().running) },
        { name: "mentator_engine_restarts_total", counts: true, help: "How often the engine's process was started again", read: () => engineState().restarts },
        { name: "mentator_engine_resident_memory_bytes", help: "Resident memory of the engine's process", read: () => engineState().residentBytes },
        { name: "mentator_queue_waiting", help: "Requests that wait", read: () => scheduler.waiting },
        { name: "mentator_queue_limit", help: "Requests that may wait", read: () => scheduler.limit },
        { name: "mentator_requests_running", help: "Requests that run, loading included", read: () => scheduler.running },
        { name: "mentator_slots", help: "Requests that the loaded models can run at once", read: () => engine.loaded.reduce((sum, { slots }) => sum + slots, 0) },
        { name: "mentator_models", help: "Models that requests can name", read: () => models.list().length },
        { name: "mentator_models_loaded", help: "Models in memory", read: () => engine.loaded.length },
        { name: "mentator_models_loaded_bytes", help: "Weights of the models in memory", read: () => engine.loaded.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) },
        { name: "mentator_vram_total_bytes", help: "Memory of the GPUs; 0 without one", read: async () => (await engine.device()).totalVramMb * MEGABYTE },
        { name: "mentator_vram_used_bytes", help: "Used memory of the GPUs, by all programs", read: async () => (await engine.device()).usedVramMb * MEGABYTE },
        { name: "process_resident_memory_bytes", help: "Resident memory of the service, without the engine's process", read: () => process.memoryUsage.rss() },
        { name: "process_heap_bytes", help: "Used heap of JavaScript", read: () => process.memoryUsage().heapUsed },
        { name: "process_cpu_seconds", help: "CPU time, user and system", read: () => (({ user, system }) => (user + system) / 1e6)(process.cpuUsage()) },
        { name: "process_start_time_seconds", help: "Start, seconds since the epoch", read: () => startTimestamp / 1000 },
    ];
}
