/** One id per request, in the log, the answer and the database: the client's own where it is safe to use. */

import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { FastifyInstance } from "fastify";
import { isAnthropic } from "../anthropic/errors.js";

/** Safe in a header, a log line and a shell. */
const SAFE = /^[\w.:-]{1,128}$/;

function requestId(headers: IncomingHttpHeaders): string {
    const given = headers["x-request-id"];
    return typeof given === "string" && SAFE.test(given) ? given : randomUUID();
}

/** For `fastify({ genReqId })`. */
export const genReqId = ({ headers }: Pick<IncomingMessage, "headers">): string => requestId(headers);

export function installRequestId(server: FastifyInstance): void {
    server.addHook("onRequest", (request, reply, done) => {
        reply.header("x-request-id", request.id);
        if (isAnthropic(request.url)) {
            reply.header("request-id", request.id);
        }
        done();
    });
}
