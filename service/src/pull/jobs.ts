/** Jobs that several may wait for: each runs once, and ends when nobody waits any more. */

import { ServiceError } from "../errors.js";

interface Job<T, P> {
    readonly done: Promise<T>;
    readonly stop: AbortController;
    readonly listeners: Set<(progress: P) => void>;
    progress: P;
}

export class Jobs<T, P> {
    private readonly jobs = new Map<string, Job<T, P>>();

    public constructor(
        private readonly most: number,
        private readonly refusal: () => ServiceError,
    ) {}

    public get progress(): readonly P[] {
        return [...this.jobs.values()].map((job) => job.progress);
    }

    /**
     * Joins the job of this key, or begins it.
     * @throws ServiceError, what the job ends with, `signal.reason`
     */
    public async join(key: string, first: P, run: (signal: AbortSignal, tell: (progress: P) => void) => Promise<T>, signal: AbortSignal, listener: (progress: P) => void): Promise<T> {
        signal.throwIfAborted();
        const job = this.jobs.get(key) ?? this.begin(key, first, run);
        job.listeners.add(listener);
        listener(job.progress);
        let leave: (() => void) | undefined;
        try {
            return await new Promise<T>((resolve, reject) => {
                leave = () => reject(signal.reason as Error);
                signal.addEventListener("abort", leave, { once: true });
                job.done.then(resolve, reject);
            });
        } finally {
            if (leave !== undefined) {
                signal.removeEventListener("abort", leave);
            }
            job.listeners.delete(listener);
            if (job.listeners.size === 0) {
                this.end(key, job, new ServiceError(499, "Nobody waits for it any more."));
            }
        }
    }

    public stop(why: Error): void {
        this.jobs.forEach((job, key) => this.end(key, job, why));
    }

    private begin(key: string, first: P, run: (signal: AbortSignal, tell: (progress: P) => void) => Promise<T>): Job<T, P> {
        if (this.jobs.size >= this.most) {
            throw this.refusal();
        }
        const stop = new AbortController();
        const listeners: Job<T, P>["listeners"] = new Set();
        const tell = (progress: P): void => {
            job.progress = progress;
            listeners.forEach((listener) => listener(progress));
        };
        // In the next turn, so that the job is known by then.
        const done = Promise.resolve().then(async () => run(stop.signal, tell));
        const job: Job<T, P> = { done, stop, listeners, progress: first };
        this.jobs.set(key, job);
        const forget = (): void => this.forget(key, job);
        done.then(forget, forget);
        return job;
    }

    private end(key: string, job: Job<T, P>, why: Error): void {
        job.stop.abort(why);
        this.forget(key, job);
    }

    private forget(key: string, job: Job<T, P>): void {
        if (this.jobs.get(key) === job) {
            this.jobs.delete(key);
        }
    }
}
