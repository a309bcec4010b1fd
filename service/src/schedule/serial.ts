/** First come, first served, one at a time. */

import type { Engine } from "../engine/engine.js";
import { badRequest, ServiceError, shuttingDown } from "../errors.js";
import type { Finished, Job, Scheduler } from "./scheduler.js";

/** Requests that may wait. Each holds its connection and its text, so there is an end to it. */
const QUEUE_LIMIT = 256;

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
        private readonly limit = QUEUE_LIMIT,
    ) {}

    public get waiting(): number {
        return this.queue.length;
    }

    public async run(job: Job): Promise<Finished> {
        const came = performance.now();
        let began = Number.NaN;
        const duration = (): Finished["duration"] => {
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
            const done = await this.perform(job);
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

    private async perform(job: Job): Promise<Pick<Extract<Finished, { generated: unknown }>, "generated" | "loadModelStatus">> {
        const outside = AbortSignal.any([job.signal, this.stop.signal]);
        outside.throwIfAborted();
        const loadModelStatus = await this.engine.load(job.spec, outside);
        const limit = new AbortController();
        const timer = setTimeout(
            () => limit.abort(badRequest(`The time limit of ${job.durationMsec} ms (durationMsec) was reached.`)),
            job.durationMsec,
        );
        try {
            const generated = await this.engine.generate(job.request, AbortSignal.any([outside, limit.signal]));
            return { generated, loadModelStatus };
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
