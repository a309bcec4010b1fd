/** Requests that are not answered to the end yet: the service must not close under them. */

import type { FastifyInstance } from "fastify";

export class InFlight {
    private count = 0;
    private idle: (() => void) | undefined;

    /** @param stopping whether connections shall end with their answer */
    public install(server: FastifyInstance, stopping: () => boolean): void {
        server.addHook("onRequest", (_request, reply, done) => {
            this.count += 1;
            // Comes for every end: all is handed over, or the connection is gone.
            reply.raw.once("close", () => this.leave());
            done();
        });
        server.addHook("onSend", (_request, reply, payload, done) => {
            if (stopping()) {
                reply.header("connection", "close");
            }
            done(null, payload);
        });
    }

    /** Resolves when there is none, or after so many ms. */
    public async none(limitMsec: number): Promise<void> {
        if (this.count > 0) {
            await new Promise<void>((resolve) => {
                const timer = setTimeout(resolve, limitMsec);
                this.idle = () => {
                    clearTimeout(timer);
                    resolve();
                };
            });
        }
    }

    private leave(): void {
        this.count -= 1;
        if (this.count === 0) {
            this.idle?.();
        }
    }
}
