/**
 * First come, first served for each model, as many at once as it has slots, and one request for embeddings beside
 * them; models share the memory.
 *
 * A request whose model is not loaded has it loaded at once if there is memory. If requests that run hold
 * the memory, later requests may go on with the models that are there, but only for a while: then no
 * request starts until a model is idle and can be unloaded. So every request gets its turn, and models do
 * not change places with every request.
 */

import type { Configuration } from "../config/configuration.js";
import { type Embedded, type Engine, type Generated, type LoadedModel, MemoryBusy, type TextDone } from "../engine/engine.js";
import { shuttingDownError } from "../errors.js";
import { withAnyOf } from "./abort.js";
import { type Entry, type Place, waiting } from "./entry.js";
import { Queue } from "./queue.js";
import { loadingFailed, ownTimeReached, queueFull, timeReached, waitedTooLong } from "./refusals.js";
import { type Lane, Running } from "./running.js";
import type { Duration, EmbeddingJob, Finished, GenerationJob, Job, Scheduler, TextJob } from "./scheduler.js";
import { unlessAborted, withTimeLimit } from "./time-limit.js";

/** How long others may overtake a request whose model waits for memory. */
const PATIENCE_MSEC = 2000;

/** An aborted request leaves the engine within one batch; one that does not is left behind after this. */
const GRACE_MSEC = 2000;

type Task<Result> = (model: LoadedModel, signal: AbortSignal) => Promise<Result>;

/** Milliseconds; 0: no limit. */
interface Times {
    /** How long a request may wait for its turn. */
    readonly queueMsec: number;
    /** How long an answer may take whose request has no limit of its own. */
    readonly answerMsec: number;
}

export function timesOf({ limits }: Pick<Configuration, "limits">): Times {
    return { queueMsec: limits.queueSeconds * 1000, answerMsec: limits.answerSeconds * 1000 };
}

export class FairScheduler implements Scheduler {
    private readonly queue = new Queue();
    private readonly onModels = new Running();
    private loading: Entry | undefined;
    private draining = false;
    private readonly stop = new AbortController();
    /** Called when nothing runs any more. */
    private idle: (() => void) | undefined;

    /** @param limit requests that may wait: each holds its connection and its text */
    public constructor(
        private readonly engine: Engine,
        public readonly limit: number,
        private readonly patienceMsec = PATIENCE_MSEC,
        private readonly times: Times = { queueMsec: 0, answerMsec: 0 },
    ) {}

    public get waiting(): number {
        return this.queue.length;
    }

    public get running(): number {
        return this.onModels.total + (this.loading === undefined ? 0 : 1);
    }

    public async run(job: GenerationJob): Promise<Finished<Generated>> {
        const { request, onChunk } = job;
        return this.take(job, "generation", (model, signal) => this.engine.generate(model, request, { signal, ...(onChunk === undefined ? {} : { onChunk }) }));
    }

    public async embed(job: EmbeddingJob): Promise<Finished<Embedded>> {
        return this.take(job, "embedding", (model, signal) => this.engine.embed(model, job.texts, signal));
    }

    public async doText(job: TextJob): Promise<Finished<TextDone>> {
        return this.take(job, "text", (model, signal) => this.engine.doText(model, job.task, signal));
    }

    public async drain(limitMsec: number): Promise<void> {
        this.draining = true;
        for (const entry of this.queue.takeAll()) {
            entry.refuse(shuttingDownError());
        }
        if (this.running === 0) {
            return;
        }
        const limit = setTimeout(() => {
            this.stop.abort(shuttingDownError());
            this.loading?.refuse(shuttingDownError());
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

    private async take<Result>(job: Job, lane: Lane, task: Task<Result>): Promise<Finished<Result>> {
        const came = performance.now();
        let began: number | undefined;
        const duration = (): Duration => {
            const now = performance.now();
            const left = began ?? now;
            return { queueMsec: Math.round(left - came), promptMsec: Math.round(now - left) };
        };
        let place: Place;
        try {
            place = await this.turn(job, lane, came, (at) => {
                began = at;
            });
        } catch (failure) {
            return { duration: duration(), failure };
        }
        const { model, status } = place;
        const started = performance.now();
        const work = this.perform(job, model, task).finally(() => this.release(model, lane, performance.now() - (began ?? came)));
        try {
            const result = await unlessAborted(work, this.stop.signal);
            return { duration: duration(), result, loadModelStatus: status };
        } catch (failure) {
            return { duration: duration(), failure, ranMsec: performance.now() - started };
        }
    }

    private async perform<Result>(job: Job, model: LoadedModel, task: Task<Result>): Promise<Result> {
        const { durationMsec, wholeMsec = durationMsec } = job;
        const limit = durationMsec === undefined ? { msec: this.times.answerMsec, error: timeReached } : { msec: durationMsec, error: (msec: number) => ownTimeReached(wholeMsec ?? msec) };
        return withAnyOf([job.signal, this.stop.signal], async (outside) => withTimeLimit(async (signal) => task(model, signal), limit, outside));
    }

    /** Resolves when a slot is this request's. It then counts as running. */
    private async turn(job: Job, lane: Lane, came: number, onBegin: (at: number | undefined) => void): Promise<Place> {
        const { signal } = job;
        signal.throwIfAborted();
        if (this.draining) {
            throw shuttingDownError();
        }
        const [entry, place] = waiting({ job, lane, came, begin: onBegin }, this.times.queueMsec, (left, late) => {
            // A request whose model is being loaded is not in the queue: `load` refuses it.
            if (this.queue.remove(left)) {
                left.refuse(late ? this.late() : (signal.reason as Error));
                this.dispatch();
            }
        });
        this.queue.add(entry);
        this.dispatch();
        if (job.follows !== true && this.queue.requests > this.limit && this.queue.last === entry) {
            this.queue.remove(entry);
            entry.refuse(queueFull(this.limit, this.onModels.retryAfter(this.limit, this.running)));
        } else {
            job.onAdmitted?.();
        }
        return place;
    }

    private late(): Error {
        return waitedTooLong(this.times.queueMsec, this.onModels.retryAfter(this.waiting, this.running));
    }

    /** Starts whatever can start. */
    private dispatch(): void {
        const now = performance.now();
        const { snapshot } = this.queue;
        const stuck = this.loading?.stuckSince === undefined ? snapshot.find(({ stuckSince }) => stuckSince !== undefined) : this.loading;
        const held = stuck?.stuckSince !== undefined && (stuck === this.loading || now - stuck.stuckSince >= this.patienceMsec);
        for (const entry of snapshot) {
            const model = this.engine.find(entry.job.spec);
            if (model !== undefined) {
                // A request that came before the one that waits for memory is not delayed by it.
                if (this.hasRoom(model, entry.lane) && !(held && entry.came > stuck.came)) {
                    this.leave(entry, now);
                    this.onModels.begin(model, entry.lane);
                    entry.go({ model, status: "exists" });
                }
            } else if (this.loading === undefined && (stuck === undefined || (stuck === entry && entry.triedAt !== this.onModels.idleCount))) {
                this.leave(entry, now);
                entry.triedAt = this.onModels.idleCount;
                this.loading = entry;
                void this.load(entry);
            }
        }
        this.queue.tellPositions();
    }

    private leave(entry: Entry, now: number): void {
        this.queue.remove(entry);
        entry.begin(now);
    }

    private async load(entry: Entry): Promise<void> {
        const { job } = entry;
        let signal = job.signal;
        try {
            const model = await withAnyOf([job.signal, this.stop.signal], async (any) => {
                signal = any;
                return this.engine.load(job.spec, (other) => this.onModels.isBusy(other), any);
            });
            this.loading = undefined;
            this.onModels.begin(model, entry.lane);
            entry.go({ model, status: "load" });
        } catch (thrown) {
            this.loading = undefined;
            if (thrown instanceof MemoryBusy && !signal.aborted && !this.draining && (this.onModels.total > 0 || entry.triedAt !== this.onModels.idleCount)) {
                if (this.times.queueMsec > 0 && performance.now() - entry.came >= this.times.queueMsec) {
                    entry.refuse(this.late());
                    this.settle();
                    return;
                }
                entry.stuckSince ??= performance.now();
                entry.begin(undefined);
                this.queue.putBack(entry);
                this.dispatch();
                return;
            }
            entry.refuse(loadingFailed(thrown, signal, this.draining));
        }
        this.settle();
    }

    private release(model: LoadedModel, lane: Lane, tookMsec: number): void {
        this.onModels.end(model, lane, tookMsec);
        this.settle();
    }

    private settle(): void {
        this.dispatch();
        if (this.running === 0) {
            this.idle?.();
        }
    }

    /** One place is kept for the request that the model was loaded for: the engine has the model a moment before that request starts. */
    private hasRoom(model: LoadedModel, lane: Lane): boolean {
        const kept = this.loading?.lane === lane && this.engine.find(this.loading.job.spec) === model ? 1 : 0;
        return this.onModels.hasRoom(model, lane, kept);
    }
}
