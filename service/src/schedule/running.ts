/** How many requests run on each model, and how long a request takes. */

import type { LoadedModel } from "../engine/engine.js";

/**
 * Embeddings have a context of their own, with one sequence: they take no slot, and one request runs at a time. Work on
 * texts alone takes no context at all.
 */
export type Lane = "generation" | "embedding" | "text";

/** Beside slots. */
const AT_ONCE = { embedding: 1, text: 4 } as const;

const NONE: Readonly<Record<Lane, number>> = { generation: 0, embedding: 0, text: 0 };

function sumOf({ generation, embedding, text }: Readonly<Record<Lane, number>>): number {
    return generation + embedding + text;
}

/** What `Retry-After` says before any request has ended, and at most. Seconds. */
export const RETRY_UNKNOWN = 5;
const RETRY_MOST = 60;

/** Of the smoothed time of a request, how much the last one counts. */
const NEWS = 0.2;

export class Running {
    private readonly counts = new Map<LoadedModel, Readonly<Record<Lane, number>>>();
    private idles = 0;
    /** Smoothed time of a request, ms. */
    private usual: number | undefined;

    /** Of all models. */
    public get total(): number {
        return [...this.counts.values()].reduce((sum, counts) => sum + sumOf(counts), 0);
    }

    /** How often a model has become idle: when it grows, loading may succeed that did not before. */
    public get idleCount(): number {
        return this.idles;
    }

    public on(model: LoadedModel): Readonly<Record<Lane, number>> {
        return this.counts.get(model) ?? NONE;
    }

    public isBusy(model: LoadedModel): boolean {
        return this.counts.has(model);
    }

    /** @param kept places that are taken beside those that run */
    public hasRoom(model: LoadedModel, lane: Lane, kept: number): boolean {
        return this.on(model)[lane] + kept < (lane === "generation" ? model.slots : AT_ONCE[lane]);
    }

    public begin(model: LoadedModel, lane: Lane): void {
        this.count(model, lane, 1);
    }

    public end(model: LoadedModel, lane: Lane, tookMsec: number): void {
        this.usual = this.usual === undefined ? tookMsec : (1 - NEWS) * this.usual + NEWS * tookMsec;
        this.count(model, lane, -1);
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

    private count(model: LoadedModel, lane: Lane, change: number): void {
        const before = this.on(model);
        const now = { ...before, [lane]: before[lane] + change };
        if (sumOf(now) > 0) {
            this.counts.set(model, now);
        } else {
            this.counts.delete(model);
            this.idles += 1;
        }
    }
}
