/** Answers that grow: server-sent events, as OpenAI's and Anthropic's clients read them, or lines of JSON. */

import { PassThrough } from "node:stream";
import type { FastifyReply } from "fastify";

/**
 * Events of this many milliseconds are sent in one packet, so there are 25 packets a second: to a reader the text
 * still grows smoothly. A packet costs as much time as everything else that is done for a token beside
 * computing, here and at the client. An event that comes later than that is sent at once.
 */
const TOGETHER_MSEC = 40;

/**
 * After so many milliseconds without an event, a comment is sent, which clients skip: proxies end a connection on which
 * nothing comes (nginx after 60 s), and a request may wait longer in the queue, for its model, or while its prompt is read.
 */
export const PULSE_MSEC = 5000;

/** How events are written. */
export interface StreamForm {
    readonly type: string;
    frame(data: string, name: string): string;
    /** Something that clients skip. */
    pulse(): string;
}

export const SERVER_SENT_EVENTS: StreamForm = {
    type: "text/event-stream; charset=utf-8",
    frame: (data, name) => `${name === "" ? "" : `event: ${name}\n`}data: ${data}\n\n`,
    pulse: () => ": waiting\n\n",
};

/**
 * Nothing is sent before the first event or comment, so that a failure until then is an ordinary error: comments begin
 * only with `keepAlive`.
 */
export class EventStream {
    private stream: PassThrough | undefined;
    private pulse: NodeJS.Timeout | undefined;
    private waiting = "";
    private timer: NodeJS.Timeout | undefined;
    private packets = 0;
    /** When the last packet after the first one was sent, by `performance.now()`. */
    private wentAt = Number.NEGATIVE_INFINITY;

    public constructor(
        private readonly reply: FastifyReply,
        private readonly form: StreamForm = SERVER_SENT_EVENTS,
    ) {}

    public get begun(): boolean {
        return this.stream !== undefined;
    }

    /** From now on the client hears something every few seconds. */
    public keepAlive(): void {
        this.pulse ??= setTimeout(() => {
            this.stream ??= this.begin();
            if (this.stream.writable) {
                this.stream.write(this.form.pulse());
                this.pulse?.refresh();
            }
        }, PULSE_MSEC);
    }

    /** For an answer that does not begin: it may be an ordinary error then. */
    public abandon(): void {
        clearTimeout(this.pulse);
    }

    /** @param name of the event, where clients look for one */
    public send(data: object, name = ""): void {
        this.write(JSON.stringify(data), name);
    }

    /** The end where the last event says that it is the last. */
    public close(): void {
        this.end();
    }

    /** The end that OpenAI's clients wait for. */
    public done(): void {
        this.write("[DONE]");
        this.end();
    }

    /** For an answer that has begun and fails. */
    public fail(error: object): void {
        this.write(JSON.stringify(error));
        this.end();
    }

    private write(data: string, name = ""): void {
        this.waiting += this.form.frame(data, name);
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
        stream.once("close", () => clearTimeout(this.pulse));
        this.reply.type(this.form.type);
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
            this.pulse?.refresh();
            this.wentAt = this.packets > 0 ? performance.now() : this.wentAt;
            this.packets += 1;
        }
        this.waiting = "";
    }

    private end(): void {
        this.flush();
        clearTimeout(this.pulse);
        this.stream?.end();
    }
}
