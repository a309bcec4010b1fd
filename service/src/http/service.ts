/** What the routes may use. Put together in app.ts, and from fakes in tests. */

import type { Backend } from "../backend/backend.js";
import type { GenerationOptions } from "../config/configuration.js";
import type { PromptOptions } from "../config/options.js";
import type { Engine } from "../engine/engine.js";
import type { ProcessState } from "../engine-process/supervisor.js";
import type { ServiceError } from "../errors.js";
import type { Log } from "../log.js";
import type { Metrics } from "../metrics/metrics.js";
import type { ModelCatalog } from "../models/catalog.js";
import type { Journal } from "../prompt/journal.js";
import type { Prompts } from "../prompt/prompts.js";
import type { Progress, Puller } from "../pull/puller.js";
import type { Keys } from "./api-keys.js";
import type { InFlight } from "./in-flight.js";
import type { Scheduler } from "../schedule/scheduler.js";
import type { LogTable } from "../store/logs.js";
import type { PromptTable } from "../store/prompts.js";
import type { ResponseTable } from "../store/responses.js";

export interface Service {
    readonly version: string;
    /** Milliseconds since the epoch. */
    readonly startTimestamp: number;
    readonly backend: Backend;
    /** All modes that there are, as /state may name them. */
    readonly backendNames: readonly string[];
    readonly engine: Engine;
    /** How the engine's process is. */
    engineState(): ProcessState;
    readonly models: ModelCatalog;
    readonly puller: Puller;
    readonly management: ModelManagement;
    readonly scheduler: Scheduler;
    readonly prompts: Prompts;
    readonly journal: Journal;
    readonly metrics: Metrics;
    readonly logTable: LogTable;
    readonly promptTable: PromptTable;
    readonly responseTable: ResponseTable;
    /** Of the OpenAI-compatible API. */
    readonly defaultOptions: GenerationOptions;
    /** Of POST /prompt: the same and more. */
    readonly promptOptions: PromptOptions;
    readonly savePrompt: boolean;
    /** None: no key is needed. */
    readonly keys: Keys;
    /** Names that browsers may call the service by, beside those that nobody else can have. */
    readonly allowedHosts: readonly string[];
    /** Other origins whose pages may call. */
    readonly corsOrigins: readonly string[];
    readonly log: Log;
    /** Why no model can answer; undefined when one can. */
    notReady(): NotReady | undefined;
    /** True once the service was asked to end: connections close after their answers. */
    leaving(): boolean;
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

/** Who may change the models, and where they lie. */
interface ModelManagement {
    readonly modelDir: string;
    /** What the operator wants to be there. */
    readonly sources: readonly string[];
    /** A key is asked for, or the configuration does without. */
    readonly allowed: boolean;
}

interface NotReady {
    readonly why: string;
    readonly retryAfterSeconds: number;
}

/** What /ready and /metrics tell. */
export function readiness(engine: Engine, models: ModelCatalog, refusal: ServiceError | undefined, pulls: readonly Progress[] = []): NotReady | undefined {
    if (refusal !== undefined) {
        return { why: refusal.message, retryAfterSeconds: refusal.retryAfterSeconds ?? 10 };
    }
    if (!engine.ready) {
        return { why: "The engine is still starting.", retryAfterSeconds: 1 };
    }
    if (models.list().length === 0 && pulls.length > 0) {
        return { why: `There are no models yet: ${howFar(pulls)}.`, retryAfterSeconds: 5 };
    }
    if (models.list().length === 0) {
        return { why: "There are no models.", retryAfterSeconds: 60 };
    }
    return undefined;
}

/** Without names: everybody may ask /ready. */
export function howFar(pulls: readonly Progress[]): string {
    const completed = pulls.reduce((sum, pull) => sum + (pull.completed ?? 0), 0);
    const total = pulls.reduce((sum, pull) => sum + (pull.total ?? 0), 0);
    const share = total === 0 ? "" : `, ${Math.floor((completed / total) * 100)} % of ${Math.ceil(total / 1024 ** 2)} MiB`;
    return `${pulls.length} being pulled${share}`;
}
