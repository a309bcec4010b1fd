/** The OpenAPI document, made from the schemas that the routes validate with; served at /doc/json. */

import { fastifySwagger } from "@fastify/swagger";
import type { FastifyInstance } from "fastify";

const TAGS = [
    { name: "prompt", description: "Answers of a model" },
    { name: "openai", description: "The same in OpenAI's words: official clients work unchanged" },
    { name: "state", description: "Version, models, load and statistics" },
    { name: "check", description: "Would this be accepted" },
    { name: "log", description: "The service's own log and the log of prompts" },
    { name: "page", description: "For people" },
    { name: "health", description: "For orchestrators and monitoring" },
] as const;

const DESCRIPTION =
    "Runs local LLMs on a GPU or the CPU. Every answer carries `x-request-id`: the request's own, " +
    "if it brought one, else a new one; the same id stands in the log and the database.";

/**
 * Collects the routes that are registered after it; those without a tag (what pages load) are left out.
 * Answers are sent as they are: their schemas describe, and never cut.
 */
export function installDocument(server: FastifyInstance, version: string, hasApiKey: boolean): void {
    server.setSerializerCompiler(() => (data) => JSON.stringify(data));
    server.register(fastifySwagger, {
        hideUntagged: true,
        openapi: {
            openapi: "3.1.0",
            info: { title: "Mentator", version, description: DESCRIPTION },
            tags: [...TAGS],
            components: { securitySchemes: { apiKey: { type: "http", scheme: "bearer" } } },
            // An empty requirement beside it: works without.
            security: hasApiKey ? [{ apiKey: [] }] : [{}, { apiKey: [] }],
        },
    });
}

export function documentRoute(server: FastifyInstance): void {
    server.get("/doc/json", { schema: { hide: true } }, () => server.swagger());
}
