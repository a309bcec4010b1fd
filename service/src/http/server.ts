/** The HTTP server: Fastify with our errors, our checks and all routes. */

import { fastify, type FastifyInstance } from "fastify";
import { documentRoute, installDocument } from "./document.js";
import { installErrors } from "./errors.js";
import { checkRoutes } from "./routes/check.js";
import { exampleRoutes } from "./routes/example.js";
import { healthRoutes } from "./routes/health.js";
import { logRoutes } from "./routes/log.js";
import { promptRoutes } from "./routes/prompt.js";
import { stateRoutes } from "./routes/state.js";
import type { Service } from "./service.js";
import { installValidation } from "./validation.js";

/** Bytes of a request's body; a prompt of this size fills any context. */
export const BODY_LIMIT = 16 * 1024 ** 2;

export type Routes = (server: FastifyInstance, service: Service) => void;

const ROUTES: readonly Routes[] = [healthRoutes, stateRoutes, promptRoutes, checkRoutes, exampleRoutes, logRoutes, documentRoute];

export function createServer(service: Service): FastifyInstance {
    const server = fastify({ bodyLimit: BODY_LIMIT, forceCloseConnections: true });
    installValidation(server);
    installErrors(server, service.log);
    installDocument(server, service.version, false);
    // As a plugin, so that they come after the one that collects them for the document.
    server.register((scope, _options, done) => {
        for (const routes of ROUTES) {
            routes(scope, service);
        }
        done();
    });
    return server;
}
