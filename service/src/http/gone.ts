/** The signal that stops the work for a request. */

import type { FastifyReply } from "fastify";
import { clientGoneError } from "../errors.js";

/**
 * Aborted when the connection closes. That happens after a complete answer too; nothing is left to stop then.
 * @param cut aborted when the service does not wait any longer
 */
export function signalOf(reply: FastifyReply, cut: AbortSignal): AbortSignal {
    const gone = new AbortController();
    const leave = (): void => gone.abort(cut.reason);
    cut.addEventListener("abort", leave, { once: true });
    reply.raw.once("close", () => {
        cut.removeEventListener("abort", leave);
        gone.abort(clientGoneError());
    });
    return gone.signal;
}
