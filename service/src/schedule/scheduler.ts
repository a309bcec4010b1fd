/** Who generates when. One sequence at a time today; several sequences are another class of this interface. */

import type { Generated, GenerationRequest, LoadSpec } from "../engine/engine.js";

export interface Job {
    readonly spec: LoadSpec;
    readonly request: GenerationRequest;
    /** Time limit of the generation: waiting and loading do not count. Milliseconds. */
    readonly durationMsec: number;
    /** The client's wish to stop. */
    readonly signal: AbortSignal;
}

export interface Duration {
    /** From leaving the queue to the answer, loading included. */
    readonly promptMsec: number;
    readonly queueMsec: number;
}

/** A failure has its times too, hence no exception. */
export type Finished = { readonly duration: Duration } & (
    | { readonly generated: Generated; readonly loadModelStatus: "load" | "exists" }
    | { readonly failure: unknown }
);

export interface Scheduler {
    /** Requests that wait; the one that runs is not counted. */
    readonly waiting: number;
    /** Never rejects. */
    run(job: Job): Promise<Finished>;
    /**
     * Sends away what waits and takes nothing more; lets what runs finish.
     * @param limitMsec after which it is aborted
     */
    drain(limitMsec: number): Promise<void>;
}
