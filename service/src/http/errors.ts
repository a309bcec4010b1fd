/** The only place that turns an error into an answer: `{"error"}`, or below /v1 OpenAI's form or Anthropic's. */

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { anthropicError, isAnthropic } from "../anthropic/errors.js";
import { EngineLost, messageOf, ServiceError } from "../errors.js";
import { UnknownModel } from "../models/unknown.js";
import type { Log } from "../log.js";
import { openAiError } from "../openai/errors.js";

const NO_DURATION = { promptMsec: 0, queueMsec: 0 };

/** Calls whose errors have a duration. */
const TIMED = new Set(["/prompt", "/embedding"]);

export function statusOf(thrown: unknown): number {
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

interface Answer {
    readonly status: number;
    readonly body: object;
}

function answerOf(request: FastifyRequest, thrown: unknown, duration: object): Answer {
    const status = statusOf(thrown);
    if (isAnthropic(request.url)) {
        return anthropicError(status, thrown, request.id);
    }
    if (request.url.startsWith("/v1/")) {
        return openAiError(status, thrown);
    }
    const error = messageOf(thrown);
    if (request.url.startsWith("/api/") && thrown instanceof UnknownModel) {
        return { status: 404, body: { error } };
    }
    return { status, body: TIMED.has(request.routeOptions.url ?? "") ? { error, duration } : { error } };
}

export function sendError(request: FastifyRequest, reply: FastifyReply, thrown: unknown, duration: object = NO_DURATION): FastifyReply {
    if (thrown instanceof EngineLost && thrown.twice) {
        // OpenAI's clients repeat a 503 twice unless they are told this.
        reply.header("x-should-retry", "false");
    }
    if (thrown instanceof ServiceError && thrown.retryAfterSeconds !== undefined) {
        reply.header("retry-after", String(thrown.retryAfterSeconds));
    }
    const { status, body } = answerOf(request, thrown, duration);
    return reply.code(status).type("application/json; charset=utf-8").send(body);
}

/** What a path of the routes looks like: `:name` is one part of it, `*` the rest. */
function pathPattern(url: string): RegExp {
    const parts = url.split("/").map((part) => (part.startsWith(":") ? "[^/]+" : part.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace("*", ".*")));
    return new RegExp(`^${parts.join("/")}$`);
}

/** Must come before the routes: it notes which methods each path has. */
export function installErrors(server: FastifyInstance, log: Log): void {
    const known = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();
    server.addHook("onRoute", ({ url, method }) => {
        const entry = known.get(url) ?? { pattern: pathPattern(url), methods: new Set() };
        [method].flat().forEach((name) => entry.methods.add(name));
        known.set(url, entry);
    });
    const refuse = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
        const path = request.url.split("?", 1)[0] ?? "";
        // A path of its own is not also the name of a model: /models/pull.
        const own = known.get(path);
        const entries = own === undefined ? [...known.values()].filter(({ pattern }) => pattern.test(path)) : [own];
        const methods = entries.flatMap((entry) => [...entry.methods]);
        if (methods.length === 0) {
            const hint = known.has(`/v1${path}`) ? ` The path is /v1${path}: a client's base URL ends with /v1.` : "";
            return sendError(request, reply, new ServiceError(404, `There is no ${request.method} ${path.slice(0, 200)}.${hint}`));
        }
        const allowed = methods.join(", ");
        reply.header("allow", allowed);
        return sendError(request, reply, new ServiceError(405, `${path} takes ${allowed}, not ${request.method}.`));
    };
    // Before the body is read: the body of an unknown call cannot be wrong.
    server.addHook("onRequest", (request, reply, done) => {
        if (request.is404) {
            refuse(request, reply);
            return;
        }
        done();
    });
    server.setNotFoundHandler(refuse);
    server.setErrorHandler((thrown, request, reply) => {
        if (statusOf(thrown) === 500) {
            log.write("error", "http", `${request.method} ${request.routeOptions.url ?? "none"}: ${messageOf(thrown)}`, request.id);
        }
        return sendError(request, reply, thrown);
    });
}
