/** Who may call: the optional API key, by which names, and which pages of other origins. */

import type { IncomingHttpHeaders } from "node:http";
import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { ServiceError } from "../errors.js";
import { refusalOf, type Trusted } from "./callers.js";

declare module "fastify" {
    interface FastifyContextConfig {
        /** Needs no API key: pages without data, health and version. */
        open?: boolean;
    }
}

const ALLOWED_METHODS = "GET, HEAD, POST, DELETE, OPTIONS";

/** A browser may keep the answer to a preflight this long, seconds. */
const PREFLIGHT_SECONDS = "600";

function digest(text: string): Buffer {
    return createHash("sha256").update(text).digest();
}

function keyOf({ authorization = "", "x-api-key": own }: IncomingHttpHeaders): string | undefined {
    const [, bearer] = /^Bearer +(.*)$/i.exec(authorization) ?? [];
    return bearer ?? (typeof own === "string" ? own : undefined);
}

/** Every call but the open ones then needs `Authorization: Bearer KEY`, or `X-Api-Key: KEY`. */
export function installApiKey(server: FastifyInstance, apiKey: string): void {
    // Digests are of one length, so comparing them takes one time.
    const wanted = digest(apiKey);
    server.addHook("onRequest", (request, reply, done) => {
        if (request.is404 || request.routeOptions.config.open === true) {
            done();
            return;
        }
        const given = keyOf(request.headers);
        if (given !== undefined && timingSafeEqual(digest(given.trim()), wanted)) {
            done();
            return;
        }
        reply.header("www-authenticate", "Bearer");
        const why = given === undefined ? "An API key is needed: send it as Authorization: Bearer KEY, or as X-Api-Key." : "The API key is not the right one.";
        done(new ServiceError(401, why));
    });
}

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
