/** Counts requests that are not fully answered yet, so that the service does not close before they are. */

import type { FastifyInstance } from "fastify";

export class InFlight {
    private count = 0;
    private idle: (() => void) | undefined;

    /** @param leaving whether connections have to close after their answer */
    public install(server: FastifyInstance, leaving: () => boolean): void {
        server.addHook("onRequest", (_request, reply, done) => {
            this.count += 1;
            // This event comes in any case: the answer is sent, or the connection is gone.
            reply.raw.once("close", () => this.leave());
            done();
        });
        server.addHook("onSend", (_request, reply, payload, done) => {
            if (leaving()) {
                reply.header("connection", "close");
            }
            done(null, payload);
        });
    }

    /** Resolves when there are none, or after this many ms. */
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
