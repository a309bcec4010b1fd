/** A request as the scheduler keeps it, and what it waits for. */

import type { LoadedModel } from "../engine/engine.js";
import type { Lane } from "./running.js";
import type { Job } from "./scheduler.js";

/** A slot of a model, held until the request ends. */
export interface Place {
    readonly model: LoadedModel;
    /** Whether the model was loaded for this request. */
    readonly status: "load" | "exists";
}

export interface Entry {
    readonly job: Job;
    readonly lane: Lane;
    /** Milliseconds, any clock. */
    readonly came: number;
    /** When its model first found the memory in use. */
    stuckSince: number | undefined;
    /** `Running.idleCount` when the loading was tried last. */
    triedAt: number;
    /** In the queue, from 1 on; 0: not told yet. */
    position: number;
    /** It leaves the queue; undefined: it is back again. */
    readonly begin: (at: number | undefined) => void;
    readonly go: (place: Place) => void;
    readonly refuse: (why: Error) => void;
}
