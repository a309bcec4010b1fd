/** Server-sent events as OpenAI's clients read them. */

import { PassThrough } from "node:stream";
import type { FastifyReply } from "fastify";

/** Nothing is sent before the first event: what fails until then is an ordinary error. */
export class EventStream {
    private stream: PassThrough | undefined;

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
        this.stream?.end();
    }

    /** For an answer that has begun and cannot go on. */
    public fail(error: object): void {
        this.write(JSON.stringify(error));
        this.stream?.end();
    }

    private write(data: string): void {
        if (this.stream === undefined) {
            this.stream = new PassThrough();
            // A client that is gone destroys it; the generation is stopped elsewhere.
            this.stream.on("error", () => undefined);
            this.reply.type("text/event-stream; charset=utf-8");
            // A proxy shall hand on each event as it comes.
            this.reply.headers({ "cache-control": "no-cache", "x-accel-buffering": "no" });
            void this.reply.send(this.stream);
        }
        if (!this.stream.destroyed) {
            this.stream.write(`data: ${data}\n\n`);
        }
    }
}
