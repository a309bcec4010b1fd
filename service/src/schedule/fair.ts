/**
 * First come, first served for each model, as many at once as it has slots; models share the memory.
 *
 * A request whose model is not loaded has it loaded at once if there is memory. If requests that run
 * hold it, those after it may go on with the models that are there, but only for a while: then nobody
 * starts any more until a model is idle and can be unloaded. So nobody starves, and models do not
 * change places with every request.
 */

import { type Embedded, type Engine, type Generated, type LoadedModel, MemoryBusy } from "../engine/engine.js";
import { badRequest, ServiceError, shuttingDown } from "../errors.js";
import type { Duration, EmbeddingJob, Finished, GenerationJob, Job, Scheduler } from "./scheduler.js";

/** Requests that may wait unless told otherwise. Each holds its connection and its text, so there is an end to it. */
const QUEUE_LIMIT = 256;

/** So long others may overtake a request whose model waits for memory. */
const PATIENCE_MSEC = 2000;

/** What `Retry-After` says: before anything is known, and at most. Seconds. */
const RETRY_UNKNOWN = 5;
const RETRY_MOST = 60;

/** An aborted request leaves the engine within one batch; one that does not is left behind after this. */
const GRACE_MSEC = 2000;

interface Place {
    readonly model: LoadedModel;
    readonly status: "load" | "exists";
}

interface Entry {
    readonly job: Job;
    /** Milliseconds, any clock. */
    readonly came: number;
    /** When its model first found the memory in use. */
    stuckSince: number | undefined;
    /** How often a model had become idle when the loading was tried last. */
    triedAt: number;
    position: number;
    /** It leaves the queue; undefined: it is back again. */
    readonly begin: (at: number | undefined) => void;
    readonly go: (place: Place) => void;
    readonly refuse: (why: Error) => void;
}

type Task<Result> = (model: LoadedModel, signal: AbortSignal) => Promise<Result>;

function reasonOf(thrown: unknown, signal: AbortSignal, draining: boolean): Error {
    if (signal.aborted) {
        return signal.reason as Error;
    }
    if (thrown instanceof MemoryBusy) {
        return draining ? shuttingDown() : new ServiceError(503, thrown.message, RETRY_UNKNOWN);
    }
    return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** What `work` gives, or the signal's reason at once: the work then ends unheard. */
async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
    let leave: () => void = () => undefined;
    const aborted = new Promise<never>((_, reject) => {
        leave = () => reject(signal.reason as Error);
        signal.addEventListener("abort", leave, { once: true });
    });
    try {
        return await Promise.race([work, aborted]);
    } finally {
        signal.removeEventListener("abort", leave);
    }
}

export class FairScheduler implements Scheduler {
    private queue: readonly Entry[] = [];
    private readonly busy = new Map<LoadedModel, number>();
    private loading: Entry | undefined;
    private draining = false;
    private readonly stop = new AbortController();
    private idle: (() => void) | undefined;
    /** How often a model has become idle. */
    private idleCount = 0;
    /** Smoothed time of a request, ms. */
    private usual: number | undefined;

    public constructor(
        private readonly engine: Engine,
        public readonly limit = QUEUE_LIMIT,
        private readonly patienceMsec = PATIENCE_MSEC,
    ) {}

    public get waiting(): number {
        return this.queue.length;
    }

    public get running(): number {
        const running = [...this.busy.values()].reduce((sum, count) => sum + count, 0);
        return running + (this.loading === undefined ? 0 : 1);
    }

    public async run(job: GenerationJob): Promise<Finished<Generated>> {
        const { request, onChunk } = job;
        return this.take(job, (model, signal) => this.engine.generate(model, request, { signal, ...(onChunk === undefined ? {} : { onChunk }) }));
    }

    public async embed(job: EmbeddingJob): Promise<Finished<Embedded>> {
        return this.take(job, (model, signal) => this.engine.embed(model, job.texts, signal));
    }

    public async drain(limitMsec: number): Promise<void> {
        this.draining = true;
        const sentAway = this.queue;
        this.queue = [];
        for (const entry of sentAway) {
            entry.refuse(shuttingDown());
        }
        if (this.running === 0) {
            return;
        }
        const limit = setTimeout(() => {
            this.stop.abort(shuttingDown());
            this.loading?.refuse(shuttingDown());
        }, limitMsec);
        const idle = new Promise<void>((resolve) => {
            this.idle = resolve;
        });
        let last: NodeJS.Timeout | undefined;
        const hopeless = new Promise<void>((resolve) => {
            last = setTimeout(resolve, limitMsec + GRACE_MSEC);
        });
        await Promise.race([idle, hopeless]);
        clearTimeout(limit);
        clearTimeout(last);
    }

    private async take<Result>(job: Job, task: Task<Result>): Promise<Finished<Result>> {
        const came = performance.now();
        let began: number | undefined;
        const duration = (): Duration => {
            const now = performance.now();
            const left = began ?? now;
            return { queueMsec: Math.round(left - came), promptMsec: Math.round(now - left) };
        };
        let place: Place;
        try {
            place = await this.turn(job, came, (at) => {
                began = at;
            });
        } catch (failure) {
            return { duration: duration(), failure };
        }
        const work = this.perform(job, place.model, task).finally(() => this.release(place.model, performance.now() - (began ?? came)));
        try {
            const result = await unlessAborted(work, this.stop.signal);
            return { duration: duration(), result, loadModelStatus: place.status };
        } catch (failure) {
            return { duration: duration(), failure };
        }
    }

    private async perform<Result>(job: Job, model: LoadedModel, task: Task<Result>): Promise<Result> {
        const outside = AbortSignal.any([job.signal, this.stop.signal]);
        outside.throwIfAborted();
        const { durationMsec } = job;
        if (durationMsec === undefined) {
            return task(model, outside);
        }
        const limit = new AbortController();
        const late = (): void => limit.abort(badRequest(`The time limit of ${durationMsec} ms (durationMsec) was reached.`));
        const timer = setTimeout(late, durationMsec);
        try {
            return await task(model, AbortSignal.any([outside, limit.signal]));
        } finally {
            clearTimeout(timer);
        }
    }

    /** Resolves when a slot is this request's. It then counts as running. */
    private async turn(job: Job, came: number, onBegin: (at: number | undefined) => void): Promise<Place> {
        const { signal } = job;
        signal.throwIfAborted();
        if (this.draining) {
            throw shuttingDown();
        }
        return new Promise<Place>((resolve, reject) => {
            const leave = (): void => {
                // One whose model is being loaded is told by the loading itself.
                if (this.queue.includes(entry)) {
                    this.queue = this.queue.filter((other) => other !== entry);
                    reject(signal.reason as Error);
                    this.dispatch();
                }
            };
            const entry: Entry = {
                job,
                came,
                stuckSince: undefined,
                triedAt: -1,
                position: 0,
                begin: onBegin,
                go: (place) => {
                    signal.removeEventListener("abort", leave);
                    resolve(place);
                },
                refuse: (why) => {
                    signal.removeEventListener("abort", leave);
                    reject(why);
                },
            };
            signal.addEventListener("abort", leave, { once: true });
            this.queue = [...this.queue, entry];
            this.dispatch();
            if (this.queue.length > this.limit && this.queue.at(-1) === entry) {
                this.queue = this.queue.slice(0, -1);
                entry.refuse(new ServiceError(429, `The queue is full: ${this.limit} requests wait.`, this.retryAfter()));
            }
        });
    }

    /** Starts whatever can start. */
    private dispatch(): void {
        const now = performance.now();
        const stuck = this.loading?.stuckSince === undefined ? this.queue.find(({ stuckSince }) => stuckSince !== undefined) : this.loading;
        const held = stuck?.stuckSince !== undefined && (stuck === this.loading || now - stuck.stuckSince >= this.patienceMsec);
        for (const entry of this.queue) {
            const model = this.engine.find(entry.job.spec);
            if (model !== undefined) {
                // Who came before the one that waits for memory is not held up by it.
                if (this.hasSlot(model) && !(held && entry.came > stuck.came)) {
                    this.leave(entry, now);
                    this.busy.set(model, this.count(model) + 1);
                    entry.go({ model, status: "exists" });
                }
            } else if (this.loading === undefined && (stuck === undefined || (stuck === entry && entry.triedAt !== this.idleCount))) {
                this.leave(entry, now);
                entry.triedAt = this.idleCount;
                this.loading = entry;
                void this.load(entry);
            }
        }
        this.tellPositions();
    }

    private leave(entry: Entry, now: number): void {
        this.queue = this.queue.filter((other) => other !== entry);
        entry.begin(now);
    }

    private async load(entry: Entry): Promise<void> {
        const { job } = entry;
        const signal = AbortSignal.any([job.signal, this.stop.signal]);
        try {
            const model = await this.engine.load(job.spec, (other) => this.count(other) > 0, signal);
            this.loading = undefined;
            this.busy.set(model, this.count(model) + 1);
            entry.go({ model, status: "load" });
        } catch (thrown) {
            this.loading = undefined;
            if (thrown instanceof MemoryBusy && !signal.aborted && !this.draining && (this.busy.size > 0 || entry.triedAt !== this.idleCount)) {
                entry.stuckSince ??= performance.now();
                entry.begin(undefined);
                this.queue = [...this.queue, entry].sort((a, b) => a.came - b.came);
                this.dispatch();
                return;
            }
            entry.refuse(reasonOf(thrown, signal, this.draining));
        }
        this.settle();
    }

    private release(model: LoadedModel, tookMsec: number): void {
        this.usual = this.usual === undefined ? tookMsec : 0.8 * this.usual + 0.2 * tookMsec;
        const left = this.count(model) - 1;
        if (left > 0) {
            this.busy.set(model, left);
        } else {
            this.busy.delete(model);
            this.idleCount += 1;
        }
        this.settle();
    }

    private settle(): void {
        this.dispatch();
        if (this.running === 0) {
            this.idle?.();
        }
    }

    private count(model: LoadedModel): number {
        return this.busy.get(model) ?? 0;
    }

    /** One is kept for whom the model was loaded: it is there a moment before that one is told. */
    private hasSlot(model: LoadedModel): boolean {
        const kept = this.loading !== undefined && this.engine.find(this.loading.job.spec) === model ? 1 : 0;
        return this.count(model) + kept < model.slots;
    }

    private tellPositions(): void {
        for (const [index, entry] of this.queue.entries()) {
            if (entry.position !== index + 1) {
                entry.position = index + 1;
                entry.job.onPosition?.(entry.position);
            }
        }
    }

    /** Seconds until about half of the queue has gone. */
    private retryAfter(): number {
        if (this.usual === undefined) {
            return RETRY_UNKNOWN;
        }
        const msec = (this.usual * this.queue.length) / 2 / Math.max(1, this.running);
        return Math.min(RETRY_MOST, Math.max(1, Math.ceil(msec / 1000)));
    }
}
