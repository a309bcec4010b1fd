/** What the routes may use. Put together in app.ts, and from fakes in tests. */

import type { Backend } from "../backend/backend.js";
import type { GenerationOptions } from "../config/configuration.js";
import type { PromptOptions } from "../config/options.js";
import type { Engine } from "../engine/engine.js";
import type { ServiceError } from "../errors.js";
import type { Log } from "../log.js";
import type { Metrics } from "../metrics/metrics.js";
import type { ModelCatalog } from "../models/catalog.js";
import type { Journal } from "../prompt/journal.js";
import type { Prompts } from "../prompt/prompts.js";
import type { InFlight } from "./in-flight.js";
import type { Scheduler } from "../schedule/scheduler.js";
import type { LogTable } from "../store/logs.js";
import type { PromptTable } from "../store/prompts.js";

export interface Service {
    readonly version: string;
    /** Milliseconds since the epoch. */
    readonly startTimestamp: number;
    readonly backend: Backend;
    /** All modes that there are, as /state may name them. */
    readonly backendNames: readonly string[];
    readonly engine: Engine;
    readonly models: ModelCatalog;
    readonly scheduler: Scheduler;
    readonly prompts: Prompts;
    readonly journal: Journal;
    readonly metrics: Metrics;
    readonly logTable: LogTable;
    readonly promptTable: PromptTable;
    /** Of the OpenAI-compatible API. */
    readonly defaultOptions: GenerationOptions;
    /** Of POST /prompt: the same and more. */
    readonly promptOptions: PromptOptions;
    readonly savePrompt: boolean;
    /** Empty: no key is needed. */
    readonly apiKey: string;
    /** Other origins whose pages may call. */
    readonly corsOrigins: readonly string[];
    readonly log: Log;
    /** Why no model can answer; undefined when one can. */
    notReady(): NotReady | undefined;
    /** True once the service is about to stop. */
    stopping(): boolean;
    /** Why the GPU is gone, where there was one. */
    gpuLost(): string | undefined;
    /** The error of every request for a model, where none can be answered any more. */
    refusal(): ServiceError | undefined;
    /** Aborted, with the error to answer, when requests still run at the end of the time to stop. */
    readonly cut: AbortSignal;
    readonly inFlight: InFlight;
}

interface NotReady {
    readonly why: string;
    readonly retryAfterSeconds: number;
}

/** What /ready and /metrics tell. */
export function readiness(engine: Engine, models: ModelCatalog, refusal: ServiceError | undefined): NotReady | undefined {
    if (refusal !== undefined) {
        return { why: refusal.message, retryAfterSeconds: refusal.retryAfterSeconds ?? 10 };
    }
    if (!engine.ready) {
        return { why: "The engine is still starting.", retryAfterSeconds: 1 };
    }
    if (models.list().length === 0) {
        return { why: "There are no models.", retryAfterSeconds: 60 };
    }
    return undefined;
}
