/** What the routes may reach. Composed in app.ts, and from fakes in tests. */

import type { GenerationOptions } from "../config/configuration.js";
import type { Backend } from "../backend.js";
import type { Engine } from "../engine/engine.js";
import type { Log } from "../log.js";
import type { ModelCatalog } from "../models/catalog.js";
import type { Prompts } from "../prompt/prompts.js";
import type { Scheduler } from "../schedule/scheduler.js";
import type { LogTable } from "../store/logs.js";
import type { PromptTable } from "../store/prompts.js";

export interface Service {
    readonly version: string;
    /** Milliseconds since the epoch. */
    readonly startTimestamp: number;
    readonly backend: Backend;
    readonly engine: Engine;
    readonly models: ModelCatalog;
    readonly scheduler: Scheduler;
    readonly prompts: Prompts;
    readonly logTable: LogTable;
    readonly promptTable: PromptTable;
    readonly defaultOptions: GenerationOptions;
    readonly savePrompt: boolean;
    readonly log: Log;
    /** True once the service is about to stop. */
    stopping(): boolean;
}
