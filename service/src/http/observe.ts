/** Counts every answered request, and logs it at level trace. */

import type { FastifyInstance } from "fastify";
import type { Log } from "../log.js";
import type { Metrics } from "../metrics/metrics.js";

export function installObservation(server: FastifyInstance, metrics: Metrics, log: Log): void {
    server.addHook("onResponse", (request, reply, done) => {
        // The route and not the path: unknown paths would add figures without end.
        const route = request.routeOptions.url ?? "none";
        metrics.countAnswer(request.method, route, reply.statusCode, reply.elapsedTime / 1000);
        log.write("trace", "http", `${request.method} ${route} ${reply.statusCode}, ${Math.round(reply.elapsedTime)} ms`, request.id);
        done();
    });
}
