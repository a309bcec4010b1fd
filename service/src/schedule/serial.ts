/** First come, first served, one at a time. */

import type { Embedded, Engine, Generated, LoadedModel } from "../engine/engine.js";
import { badRequest, ServiceError, shuttingDown } from "../errors.js";
import type { EmbeddingJob, Finished, GenerationJob, Scheduler } from "./scheduler.js";

/** Requests that may wait. Each holds its connection and its text, so there is an end to it. */
const QUEUE_LIMIT = 256;

type Job = Pick<GenerationJob, "spec" | "durationMsec" | "signal">;
type Task<Result> = (model: LoadedModel, signal: AbortSignal) => Promise<Result>;

interface Turn {
    readonly give: () => void;
    readonly refuse: (why: Error) => void;
}

export class SerialScheduler implements Scheduler {
    private readonly queue: Turn[] = [];
    private busy = false;
    private draining = false;
    private readonly stop = new AbortController();
    private idle: (() => void) | undefined;

    public constructor(
        private readonly engine: Engine,
        public readonly limit = QUEUE_LIMIT,
    ) {}

    public get waiting(): number {
        return this.queue.length;
    }

    public get running(): number {
        return this.busy ? 1 : 0;
    }

    public async run(job: GenerationJob): Promise<Finished<Generated>> {
        const { request, onChunk } = job;
        return this.take(job, (model, signal) => this.engine.generate(model, request, { signal, ...(onChunk === undefined ? {} : { onChunk }) }));
    }

    public async embed(job: EmbeddingJob): Promise<Finished<Embedded>> {
        return this.take(job, (model, signal) => this.engine.embed(model, job.texts, signal));
    }

    private async take<Result>(job: Job, task: Task<Result>): Promise<Finished<Result>> {
        const came = performance.now();
        let began = Number.NaN;
        const duration = (): Finished<Result>["duration"] => {
            const now = performance.now();
            const left = Number.isNaN(began) ? now : began;
            return { queueMsec: Math.round(left - came), promptMsec: Math.round(now - left) };
        };
        try {
            await this.turn(job.signal);
        } catch (failure) {
            return { duration: duration(), failure };
        }
        began = performance.now();
        try {
            const done = await this.perform(job, task);
            return { duration: duration(), ...done };
        } catch (failure) {
            return { duration: duration(), failure };
        } finally {
            this.next();
        }
    }

    public async drain(limitMsec: number): Promise<void> {
        this.draining = true;
        for (const turn of this.queue.splice(0)) {
            turn.refuse(shuttingDown());
        }
        if (!this.busy) {
            return;
        }
        const timer = setTimeout(() => this.stop.abort(shuttingDown()), limitMsec);
        await new Promise<void>((resolve) => {
            this.idle = resolve;
        });
        clearTimeout(timer);
    }

    private async perform<Result>(job: Job, task: Task<Result>): Promise<{ result: Result; loadModelStatus: "load" | "exists" }> {
        const outside = AbortSignal.any([job.signal, this.stop.signal]);
        outside.throwIfAborted();
        const there = this.engine.find(job.spec);
        const model = there ?? (await this.engine.load(job.spec, () => false, outside));
        const limit = new AbortController();
        const { durationMsec } = job;
        const late = (): void => limit.abort(badRequest(`The time limit of ${durationMsec ?? 0} ms (durationMsec) was reached.`));
        const timer = durationMsec === undefined ? undefined : setTimeout(late, durationMsec);
        try {
            const result = await task(model, AbortSignal.any([outside, limit.signal]));
            return { result, loadModelStatus: there === undefined ? "load" : "exists" };
        } finally {
            clearTimeout(timer);
        }
    }

    /** Resolves when it is this request's turn. */
    private async turn(signal: AbortSignal): Promise<void> {
        signal.throwIfAborted();
        if (this.draining) {
            throw shuttingDown();
        }
        if (!this.busy) {
            this.busy = true;
            return;
        }
        if (this.queue.length >= this.limit) {
            throw new ServiceError(429, `The queue is full: ${this.limit} requests wait.`, 5);
        }
        await new Promise<void>((resolve, reject) => {
            const leave = (): void => {
                this.queue.splice(this.queue.indexOf(turn), 1);
                reject(signal.reason as Error);
            };
            const turn: Turn = {
                give: () => {
                    signal.removeEventListener("abort", leave);
                    resolve();
                },
                refuse: (why) => {
                    signal.removeEventListener("abort", leave);
                    reject(why);
                },
            };
            this.queue.push(turn);
            signal.addEventListener("abort", leave, { once: true });
        });
    }

    private next(): void {
        const turn = this.queue.shift();
        if (turn !== undefined) {
            turn.give();
            return;
        }
        this.busy = false;
        this.idle?.();
    }
}
