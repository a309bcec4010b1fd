/** How many requests run on each model, and how long a request takes. */

import type { LoadedModel } from "../engine/engine.js";

/** What `Retry-After` says before any request has ended, and at most. Seconds. */
export const RETRY_UNKNOWN = 5;
const RETRY_MOST = 60;

/** Of the smoothed time of a request, how much the last one counts. */
const NEWS = 0.2;

export class Running {
    private readonly counts = new Map<LoadedModel, number>();
    private idles = 0;
    /** Smoothed time of a request, ms. */
    private usual: number | undefined;

    /** Of all models. */
    public get total(): number {
        return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
    }

    /** How often a model has become idle: when it grows, loading may succeed that did not before. */
    public get idleCount(): number {
        return this.idles;
    }

    public on(model: LoadedModel): number {
        return this.counts.get(model) ?? 0;
    }

    public begin(model: LoadedModel): void {
        this.counts.set(model, this.on(model) + 1);
    }

    public end(model: LoadedModel, tookMsec: number): void {
        this.usual = this.usual === undefined ? tookMsec : (1 - NEWS) * this.usual + NEWS * tookMsec;
        const left = this.on(model) - 1;
        if (left > 0) {
            this.counts.set(model, left);
        } else {
            this.counts.delete(model);
            this.idles += 1;
        }
    }

    /**
     * Seconds until those that wait now have begun, and never less than one request takes: sooner the queue would
     * be as full as before.
     * @param running requests at once
     */
    public retryAfter(waiting: number, running: number): number {
        if (this.usual === undefined) {
            return RETRY_UNKNOWN;
        }
        const msec = this.usual * Math.max(1, waiting / Math.max(1, running));
        return Math.min(RETRY_MOST, Math.max(1, Math.ceil(msec / 1000)));
    }
}
