/** Limits of connections: how many, how slow a request may come, and how long nobody may read an answer. */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { FastifyHttpOptions } from "fastify";

/** A client sends the headers within this time, and the whole request within the second one (16 MiB then need 140 kB/s). */
const HEADERS_MSEC = 20_000;
const REQUEST_MSEC = 120_000;

/** How often that is looked at. */
const CHECK_MSEC = 5000;

/** Longer than proxies keep theirs (nginx and AWS' load balancers 60 s): else they send a request into a connection that is being closed. */
const KEEP_ALIVE_MSEC = 75_000;

/** A client that takes nothing of a waiting answer for so long is gone or hostile; and it holds a slot. */
const STALLED_MSEC = 60_000;

/** Beside the requests that wait: for those that run, pages, proxies' spare connections and health checks. */
export const SPARE_CONNECTIONS = 1024;

export interface Limits {
    readonly headersMsec: number;
    readonly requestMsec: number;
    readonly checkMsec: number;
    readonly keepAliveMsec: number;
    readonly stalledMsec: number;
    /** Connections at once. */
    readonly most: number;
}

export function limitsFor(queueSize: number): Limits {
    return {
        headersMsec: HEADERS_MSEC,
        requestMsec: REQUEST_MSEC,
        checkMsec: CHECK_MSEC,
        keepAliveMsec: KEEP_ALIVE_MSEC,
        stalledMsec: STALLED_MSEC,
        most: queueSize + SPARE_CONNECTIONS,
    };
}

/** For `fastify(...)`. */
export function connectionOptions({ headersMsec, requestMsec, checkMsec, keepAliveMsec, stalledMsec }: Limits): FastifyHttpOptions<Server> {
    return {
        connectionTimeout: stalledMsec,
        keepAliveTimeout: keepAliveMsec,
        requestTimeout: requestMsec,
        http: { headersTimeout: headersMsec, connectionsCheckingInterval: checkMsec },
    };
}

/**
 * Where there are too many connections, the oldest one without a request is closed for the new one, so that idle ones keep
 * nobody out. Where all have requests, the new one is closed.
 */
export function limitConnections(server: Server, { most, stalledMsec }: Limits): void {
    /** With the number of their requests, oldest first. */
    const open = new Map<Socket, number>();
    const count = (socket: Socket, change: number): void => {
        const now = open.get(socket);
        if (now !== undefined) {
            open.set(socket, now + change);
        }
    };
    server.on("connection", (socket: Socket) => {
        if (open.size >= most) {
            const [idle] = [...open].find(([, requests]) => requests === 0) ?? [];
            (idle ?? socket).destroy();
            if (idle === undefined) {
                return;
            }
            open.delete(idle);
        }
        open.set(socket, 0);
        socket.once("close", () => open.delete(socket));
    });
    server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
        count(socket, 1);
        response.once("close", () => count(socket, -1));
    });
    // Nothing was read or written for a while. An answer that is not there yet may take much longer than that.
    server.on("timeout", (socket: Socket) => {
        if ((open.get(socket) ?? 0) > 0 && socket.writableLength === 0) {
            socket.setTimeout(stalledMsec);
            return;
        }
        socket.destroy();
    });
}
