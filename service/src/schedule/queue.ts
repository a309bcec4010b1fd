/** Requests that wait, in the order in which they came. */

import type { Entry } from "./entry.js";

export class Queue {
    private entries: readonly Entry[] = [];

    public get length(): number {
        return this.entries.length;
    }

    /** Without the further parts of requests that were admitted. */
    public get requests(): number {
        return this.entries.filter(({ job }) => job.follows !== true).length;
    }

    /** As it is now: later changes do not show in it. */
    public get snapshot(): readonly Entry[] {
        return this.entries;
    }

    public get last(): Entry | undefined {
        return this.entries.at(-1);
    }

    public add(entry: Entry): void {
        this.entries = [...this.entries, entry];
    }

    /** Puts a request that left and could not start where it was. */
    public putBack(entry: Entry): void {
        this.entries = [...this.entries, entry].sort((a, b) => a.came - b.came);
    }

    /** @returns whether it was there */
    public remove(entry: Entry): boolean {
        const before = this.entries.length;
        this.entries = this.entries.filter((other) => other !== entry);
        return this.entries.length < before;
    }

    /** Empties the queue. @returns the requests that waited */
    public takeAll(): readonly Entry[] {
        const taken = this.entries;
        this.entries = [];
        return taken;
    }

    /** Tells each request whose position has changed. */
    public tellPositions(): void {
        for (const [index, entry] of this.entries.entries()) {
            if (entry.position !== index + 1) {
                entry.position = index + 1;
                entry.job.onPosition?.(entry.position);
            }
        }
    }
}
