/** The HTTP server: Fastify with our errors, our checks and all routes. */

import { fastify, type FastifyInstance } from "fastify";
import { installCallers, installCors } from "./access.js";
import { areSet, installApiKeys } from "./api-keys.js";
import { installBodies } from "./body.js";
import { connectionOptions, limitConnections, type Limits, limitsFor } from "./connections.js";
import { documentRoute, installDocument } from "./document.js";
import { installErrors, sendError } from "./errors.js";
import { installObservation } from "./observe.js";
import { plainUrl } from "./plain-url.js";
import { genReqId, installRequestId } from "./request-id.js";
import type { Routes } from "./routes.js";
import { anthropicRoutes } from "./routes/anthropic.js";
import { checkRoutes } from "./routes/check.js";
import { exampleRoutes } from "./routes/example.js";
import { healthRoutes } from "./routes/health.js";
import { embeddingRoutes } from "./routes/embedding.js";
import { logRoutes } from "./routes/log.js";
import { modelRoutes } from "./routes/models.js";
import { ollamaRoutes } from "./routes/ollama.js";
import { ollamaModelRoutes } from "./routes/ollama-models.js";
import { openAiRoutes } from "./routes/openai.js";
import { pageRoutes } from "./routes/pages.js";
import { promptFileRoutes } from "./routes/prompt-file.js";
import { promptRoutes } from "./routes/prompt.js";
import { pullRoutes } from "./routes/pull.js";
import { textRoutes } from "./routes/text.js";
import { responsesRoutes } from "./routes/responses.js";
import { stateRoutes } from "./routes/state.js";
import { installSecurityHeaders } from "./security-headers.js";
import type { Service } from "./service.js";
import { installValidation } from "./validation.js";

/** Bytes of a request's body; a prompt of this size fills any context. */
export const BODY_LIMIT = 16 * 1024 ** 2;

/** Characters of a part of the path: a model's name. */
const PART_LIMIT = 1000;

const ROUTES: readonly Routes[] = [healthRoutes, stateRoutes, promptRoutes, embeddingRoutes, modelRoutes, pullRoutes, openAiRoutes, responsesRoutes, anthropicRoutes, ollamaRoutes, ollamaModelRoutes, textRoutes, checkRoutes, exampleRoutes, promptFileRoutes, logRoutes, documentRoute, pageRoutes];

export function createServer(service: Service, limits: Limits = limitsFor(service.scheduler.limit)): FastifyInstance {
    const server = fastify({
        ...connectionOptions(limits),
        bodyLimit: BODY_LIMIT,
        forceCloseConnections: true,
        genReqId,
        rewriteUrl: ({ url }) => plainUrl(url ?? "/"),
        routerOptions: { maxParamLength: PART_LIMIT },
        // Faults before any route is known, as of a path that cannot be decoded.
        frameworkErrors: (fault, request, reply) => void sendError(request, reply, fault),
    });
    limitConnections(server.server, limits);
    service.inFlight.install(server, () => service.leaving());
    installBodies(server);
    installValidation(server);
    installRequestId(server);
    installSecurityHeaders(server);
    installObservation(server, service.metrics, service.log);
    if (service.corsOrigins.length > 0) {
        installCors(server, service.corsOrigins);
    }
    if (areSet(service.keys)) {
        installApiKeys(server, service.keys);
    } else {
        installCallers(server, { hosts: service.allowedHosts, origins: service.corsOrigins });
    }
    installErrors(server, service.log);
    installDocument(server, service.version, areSet(service.keys));
    // As a plugin, so that they come after the one that collects them for the document.
    server.register((scope, _options, done) => {
        for (const routes of ROUTES) {
            routes(scope, service);
        }
        done();
    });
    return server;
}
