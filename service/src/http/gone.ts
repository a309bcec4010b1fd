/** Notices that a client no longer waits. */

import type { FastifyReply } from "fastify";
import { clientGone } from "../errors.js";

/** Aborted when the connection closes; also after a complete answer, when nothing is left to stop. */
export function signalOf(reply: FastifyReply): AbortSignal {
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort(clientGone()));
    return gone.signal;
}
