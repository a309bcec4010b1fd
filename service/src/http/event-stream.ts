/** Server-sent events as OpenAI's clients read them. */

import { PassThrough } from "node:stream";
import type { FastifyReply } from "fastify";

/**
 * Events of so many milliseconds travel in one packet, 25 packets a second: text that grows as often as a
 * film has pictures is read as it comes. A packet costs as much time as all else that is done for a
 * token beside computing, here and at the client. An event that comes later goes at once.
 */
const TOGETHER_MSEC = 40;

/** Nothing is sent before the first event: what fails until then is an ordinary error. */
export class EventStream {
    private stream: PassThrough | undefined;
    private waiting = "";
    private timer: NodeJS.Timeout | undefined;
    private packets = 0;
    /** When a packet but the first went last, of `performance.now()`. */
    private wentAt = Number.NEGATIVE_INFINITY;

    public constructor(private readonly reply: FastifyReply) {}

    public get begun(): boolean {
        return this.stream !== undefined;
    }

    public send(data: object): void {
        this.write(JSON.stringify(data));
    }

    /** The end that clients wait for. */
    public done(): void {
        this.write("[DONE]");
        this.end();
    }

    /** For an answer that has begun and cannot go on. */
    public fail(error: object): void {
        this.write(JSON.stringify(error));
        this.end();
    }

    private write(data: string): void {
        this.waiting += `data: ${data}\n\n`;
        if (this.stream === undefined) {
            this.stream = this.begin();
            // With what follows at once. It may hold no text yet, so the next need not wait for company.
            process.nextTick(() => this.flush());
            return;
        }
        // Never in this turn of the event loop, in which the next batch is put together: once that is
        // being computed, writing holds up nobody.
        this.timer ??= setTimeout(() => this.flush(), Math.max(1, this.wentAt + TOGETHER_MSEC - performance.now()));
    }

    private begin(): PassThrough {
        const stream = new PassThrough();
        // A client that is gone destroys it; the generation is stopped elsewhere.
        stream.on("error", () => undefined);
        this.reply.type("text/event-stream; charset=utf-8");
        // A proxy shall hand on each event as it comes.
        this.reply.headers({ "cache-control": "no-cache", "x-accel-buffering": "no" });
        void this.reply.send(stream);
        return stream;
    }

    private flush(): void {
        clearTimeout(this.timer);
        this.timer = undefined;
        if (this.stream?.writable === true && this.waiting !== "") {
            this.stream.write(this.waiting);
            this.wentAt = this.packets > 0 ? performance.now() : this.wentAt;
            this.packets += 1;
        }
        this.waiting = "";
    }

    private end(): void {
        this.flush();
        this.stream?.end();
    }
}
