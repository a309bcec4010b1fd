/** Puts the pieces of all answers into packets: a message costs as much time as everything else that is done for a token. */

import type { Chunk } from "../engine/engine.js";
import type { Pieces } from "./protocol.js";

/** As http/event-stream.ts sends them on. */
const TOGETHER_MSEC = 40;

export class Packets {
    private readonly waiting = new Map<number, Chunk[]>();
    private timer: NodeJS.Timeout | undefined;
    /** When the last packet was sent, by `performance.now()`. */
    private wentAt = Number.NEGATIVE_INFINITY;

    public constructor(private readonly send: (pieces: readonly Pieces[]) => void) {}

    public add(call: number, chunk: Chunk, first: boolean): void {
        const chunks = this.waiting.get(call);
        if (chunks === undefined) {
            this.waiting.set(call, [chunk]);
        } else {
            chunks.push(chunk);
        }
        if (first) {
            // In the next turn, as several answers may begin in one.
            this.wait(0);
        } else {
            this.wait(Math.max(1, this.wentAt + TOGETHER_MSEC - performance.now()));
        }
    }

    /** What is left of an answer goes before its end does. */
    public flush(): void {
        clearTimeout(this.timer);
        this.timer = undefined;
        if (this.waiting.size > 0) {
            const pieces = [...this.waiting].map(([call, chunks]) => ({ call, chunks }));
            this.waiting.clear();
            this.wentAt = performance.now();
            this.send(pieces);
        }
    }

    private wait(msec: number): void {
        if (msec === 0) {
            clearTimeout(this.timer);
            this.timer = undefined;
        }
        this.timer ??= setTimeout(() => this.flush(), msec);
    }
}
