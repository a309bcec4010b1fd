/** Server-sent events in the form that OpenAI's clients read. */

import { PassThrough } from "node:stream";
import type { FastifyReply } from "fastify";

/**
 * Events of this many milliseconds are sent in one packet, so there are 25 packets a second: to a reader the text
 * still grows smoothly. A packet costs as much time as everything else that is done for a token beside
 * computing, here and at the client. An event that comes later than that is sent at once.
 */
const TOGETHER_MSEC = 40;

/** Nothing is sent before the first event, so that a failure until then is an ordinary error. */
export class EventStream {
    private stream: PassThrough | undefined;
    private waiting = "";
    private timer: NodeJS.Timeout | undefined;
    private packets = 0;
    /** When the last packet after the first one was sent, by `performance.now()`. */
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

    /** For an answer that has begun and fails. */
    public fail(error: object): void {
        this.write(JSON.stringify(error));
        this.end();
    }

    private write(data: string): void {
        this.waiting += `data: ${data}\n\n`;
        if (this.stream === undefined) {
            this.stream = this.begin();
            // Together with what follows at once. It may have no text yet, so the next packet need not wait.
            process.nextTick(() => this.flush());
            return;
        }
        // Not in this turn of the event loop, in which the next batch is prepared: while that is being computed,
        // writing delays no other request.
        this.timer ??= setTimeout(() => this.flush(), Math.max(1, this.wentAt + TOGETHER_MSEC - performance.now()));
    }

    private begin(): PassThrough {
        const stream = new PassThrough();
        // A client that leaves destroys the stream; the generation is stopped elsewhere.
        stream.on("error", () => undefined);
        this.reply.type("text/event-stream; charset=utf-8");
        // So that a proxy passes on each event at once.
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
