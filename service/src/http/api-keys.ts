/** API keys: who sends a request, what this key may do, and how much of it. */

import type { IncomingHttpHeaders } from "node:http";
import { timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { asCaller } from "../caller.js";
import { digestOf, type NamedKey } from "../config/api-keys.js";
import { ServiceError } from "../errors.js";
import { KeyLimit } from "./key-limits.js";

declare module "fastify" {
    interface FastifyContextConfig {
        /** Needs no API key: pages without data, health and version. */
        open?: boolean;
        /** Only for the operator's keys: other clients' prompts, and changes that all clients notice. */
        operator?: boolean;
    }
}

/** What the key `apiKey` is called where keys have names. */
const OPERATOR = "apiKey";

export interface Keys {
    /** The operator's; empty: none. */
    readonly apiKey: string;
    readonly named: readonly NamedKey[];
}

export function areSet({ apiKey, named }: Keys): boolean {
    return apiKey !== "" || named.length > 0;
}

function keyOf({ authorization = "", "x-api-key": own }: IncomingHttpHeaders): string | undefined {
    const [, bearer] = /^Bearer +(.*)$/i.exec(authorization) ?? [];
    return bearer ?? (typeof own === "string" ? own : undefined);
}

/** Each comparison takes one time, as digests are of one length; which row fits is no secret to its owner. */
function rowOf(given: string, rows: readonly NamedKey[]): NamedKey | undefined {
    const digest = Buffer.from(digestOf(given.trim()), "hex");
    return rows.find(({ sha256 }) => timingSafeEqual(Buffer.from(sha256, "hex"), digest));
}

/** Every call but the open ones then needs `Authorization: Bearer KEY`, or `X-Api-Key: KEY`. */
export function installApiKeys(server: FastifyInstance, { apiKey, named }: Keys): void {
    const own: NamedKey[] = apiKey === "" ? [] : [{ name: OPERATOR, sha256: digestOf(apiKey), operator: true, requestsPerMinute: 0, requestsAtOnce: 0 }];
    const rows = [...own, ...named];
    const limits = new Map(rows.map((row) => [row, new KeyLimit(row)]));
    server.addHook("onRequest", (request, reply, done) => {
        if (request.is404 || request.routeOptions.config.open === true) {
            done();
            return;
        }
        const given = keyOf(request.headers);
        const row = given === undefined ? undefined : rowOf(given, rows);
        if (row === undefined) {
            reply.header("www-authenticate", "Bearer");
            const why = given === undefined ? "An API key is needed: send it as Authorization: Bearer KEY, or as X-Api-Key." : "The API key is not the right one.";
            done(new ServiceError(401, why));
            return;
        }
        const fault = refusalOf(request, reply, row, limits.get(row));
        if (named.length === 0) {
            done(fault);
        } else {
            asCaller(row.name, () => done(fault));
        }
    });
}

function refusalOf({ method, routeOptions }: FastifyRequest, reply: FastifyReply, row: NamedKey, limit: KeyLimit | undefined): ServiceError | undefined {
    if (routeOptions.config.operator === true && !row.operator) {
        return new ServiceError(403, `The API key ${row.name} may not do this: it needs "operator": true in the configuration, or the operator's key.`);
    }
    // Models are only called by POST. Other calls are small, and a monitoring system needs them when a client sends too much.
    const refused = method === "POST" ? limit?.begin() : undefined;
    if (refused !== undefined) {
        return new ServiceError(429, refused.why, refused.retryAfterSeconds);
    }
    if (method === "POST") {
        reply.raw.once("close", () => limit?.end());
    }
    return undefined;
}
