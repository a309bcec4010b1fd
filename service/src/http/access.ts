/** Who may call without a key: by which names, and which pages of other origins. */

import type { FastifyInstance } from "fastify";
import { ServiceError } from "../errors.js";
import { refusalOf, type Trusted } from "./callers.js";

const ALLOWED_METHODS = "GET, HEAD, POST, DELETE, OPTIONS";

/** A browser may keep the answer to a preflight this long, seconds. */
const PREFLIGHT_SECONDS = "600";

/** Without a key: refuses what a page of somebody else sends through a browser. Pages and health have no data. */
export function installCallers(server: FastifyInstance, trusted: Trusted): void {
    server.addHook("onRequest", ({ method, headers, is404, routeOptions }, _reply, done) => {
        const why = is404 || routeOptions.config.open === true ? "" : refusalOf({ method, headers }, trusted);
        done(why === "" ? undefined : new ServiceError(403, why));
    });
}

/** @param origins as `Origin` headers write them; "*" is all */
export function installCors(server: FastifyInstance, origins: readonly string[]): void {
    const all = origins.includes("*");
    server.addHook("onRequest", (request, reply, done) => {
        const { origin } = request.headers;
        if (!all) {
            reply.header("vary", "Origin");
        }
        if (origin === undefined || !(all || origins.includes(origin))) {
            done();
            return;
        }
        reply.header("access-control-allow-origin", all ? "*" : origin);
        reply.header("access-control-expose-headers", "x-request-id, retry-after");
        if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) {
            done();
            return;
        }
        reply.header("access-control-allow-methods", ALLOWED_METHODS);
        reply.header("access-control-allow-headers", request.headers["access-control-request-headers"] ?? "authorization, content-type");
        reply.header("access-control-max-age", PREFLIGHT_SECONDS);
        void reply.code(204).send();
    });
}
