/** When the work for a request has to stop. */

import type { FastifyReply } from "fastify";
import { clientGone } from "../errors.js";

/**
 * Aborted when the connection closes, also after a complete answer, when nothing is left to stop.
 * @param cut aborted when the service cannot wait any longer
 */
export function signalOf(reply: FastifyReply, cut: AbortSignal): AbortSignal {
    const gone = new AbortController();
    const leave = (): void => gone.abort(cut.reason);
    cut.addEventListener("abort", leave, { once: true });
    reply.raw.once("close", () => {
        cut.removeEventListener("abort", leave);
        gone.abort(clientGone());
    });
    return gone.signal;
}
