/** The one place where anything thrown becomes `{"error"}`. */

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { messageOf, ServiceError } from "../errors.js";
import type { Log } from "../log.js";

const NO_DURATION = { promptMsec: 0, queueMsec: 0 };

/** Calls whose errors say how long they took. */
const TIMED = new Set(["/prompt", "/embedding"]);

function statusOf(thrown: unknown): number {
    if (thrown instanceof ServiceError) {
        return thrown.statusCode;
    }
    const { statusCode, validation } = thrown as Partial<FastifyError>;
    if (validation !== undefined) {
        return 400;
    }
    // Fastify's own faults of a request: 400 not JSON, 413 too large, 415 no JSON at all.
    if (statusCode === 415) {
        return 400;
    }
    return statusCode !== undefined && statusCode >= 400 && statusCode < 500 ? statusCode : 500;
}

export function sendError(request: FastifyRequest, reply: FastifyReply, thrown: unknown, duration: object = NO_DURATION): FastifyReply {
    if (thrown instanceof ServiceError && thrown.retryAfterSeconds !== undefined) {
        reply.header("retry-after", String(thrown.retryAfterSeconds));
    }
    const body = { error: messageOf(thrown) };
    const timed = TIMED.has(request.routeOptions.url ?? "");
    return reply.code(statusOf(thrown)).send(timed ? { ...body, duration } : body);
}

export function installErrors(server: FastifyInstance, log: Log): void {
    server.setNotFoundHandler((request, reply) => {
        const path = request.url.split("?", 1)[0] ?? "";
        return reply.code(404).send({ error: `There is no ${request.method} ${path}.` });
    });
    server.setErrorHandler((thrown, request, reply) => {
        if (statusOf(thrown) === 500) {
            log.write("error", "http", `${request.method} ${request.url}: ${messageOf(thrown)}`);
        }
        return sendError(request, reply, thrown);
    });
}
