/** When the work for a request has to stop. */

import type { FastifyReply } from "fastify";
import { clientGone } from "../errors.js";

/**
 * Aborted when the connection closes, also after a complete answer, when nothing is left to stop.
 * @param cut aborted when the service cannot wait any longer
 */
export function signalOf(reply: FastifyReply, cut: AbortSignal): AbortSignal {
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort(clientGone()));
    return AbortSignal.any([gone.signal, cut]);
}
