/** Decides which request runs when. */

import type { Chunk, Embedded, Generated, GenerationRequest, LoadSpec, TextDone, TextTask } from "../engine/engine.js";

export interface Job {
    readonly spec: LoadSpec;
    /** Time limit of the generation, ms: waiting and loading do not count. Absent: the scheduler's own. */
    readonly durationMsec?: number;
    /** The limit as the client knows it, where `durationMsec` is what is left of it. */
    readonly wholeMsec?: number;
    /** A further part of a request that was admitted: it is not counted as one that waits. */
    readonly follows?: boolean;
    /** Aborted when the client leaves. */
    readonly signal: AbortSignal;
    /** Called when the request is not refused for want of room. Must not throw. */
    readonly onAdmitted?: () => void;
    /** Called when the request has to wait, and whenever it moves up; 1 is the next one. Must not throw. */
    readonly onPosition?: (position: number) => void;
}

export interface GenerationJob extends Job {
    readonly request: GenerationRequest;
    /** Each piece of the answer as it comes. Must not throw. */
    readonly onChunk?: (chunk: Chunk) => void;
}

export interface EmbeddingJob extends Job {
    readonly texts: readonly string[];
}

export interface TextJob extends Job {
    readonly task: TextTask;
}

export interface Duration {
    /** From leaving the queue to the answer, loading included. */
    readonly promptMsec: number;
    readonly queueMsec: number;
}

/** A failure has its times too, so it is not thrown. */
export type Finished<Result> = { readonly duration: Duration } & (
    | { readonly result: Result; readonly loadModelStatus: "load" | "exists" }
    | {
          readonly failure: unknown;
          /** For how long the engine worked on it, ms, waiting and loading left out; absent: it did not begin. */
          readonly ranMsec?: number;
      }
);

export interface Scheduler {
    /** Requests that wait, also parts of one; those that run are not counted. */
    readonly waiting: number;
    /** Requests that run, loading included. */
    readonly running: number;
    /** Requests that may wait; one more is refused with 429. */
    readonly limit: number;
    /** Never rejects. */
    run(job: GenerationJob): Promise<Finished<Generated>>;
    /** Never rejects. */
    embed(job: EmbeddingJob): Promise<Finished<Embedded>>;
    /** Never rejects. */
    doText(job: TextJob): Promise<Finished<TextDone>>;
    /**
     * Refuses requests that wait and all new ones; lets running requests finish.
     * @param limitMsec after which it is aborted
     */
    drain(limitMsec: number): Promise<void>;
}
