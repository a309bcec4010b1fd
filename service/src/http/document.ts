/** The OpenAPI document, made from the schemas that the routes validate with; served at /doc/json and /doc/yaml. */

import { fastifySwagger } from "@fastify/swagger";
import type { FastifyInstance } from "fastify";

const TAGS = [
    { name: "prompt", description: "Answers of a model" },
    { name: "openai", description: "The same as OpenAI's API: its official clients work unchanged" },
    { name: "anthropic", description: "The same as Anthropic's Messages API" },
    { name: "ollama", description: "The same as Ollama's API" },
    { name: "text", description: "What the model's tokenizer and template make of a text, as llama.cpp's server answers it" },
    { name: "state", description: "Version, models, load and statistics" },
    { name: "models", description: "Models pulled by their name, and deleted" },
    { name: "check", description: "Whether the service would accept something" },
    { name: "log", description: "The service's own log and the log of prompts" },
    { name: "page", description: "For people" },
    { name: "health", description: "For orchestrators and monitoring" },
] as const;

const DESCRIPTION =
    "Runs local LLMs on a GPU or the CPU. Every answer carries `x-request-id`: the request's own, " +
    "if it has one, else a new one. The same id is in the log and the database.";

/**
 * Collects the routes that are registered after it; those without a tag (what pages load) are left out.
 * Answers are sent as they are: a schema only describes them, and removes nothing.
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
            // The empty requirement says that it works without a key.
            security: hasApiKey ? [{ apiKey: [] }] : [{}, { apiKey: [] }],
        },
    });
}

export function documentRoute(server: FastifyInstance): void {
    server.get("/doc/json", { schema: { hide: true } }, () => server.swagger());
    server.get("/doc/yaml", { schema: { hide: true } }, (_request, reply) => reply.type("application/yaml; charset=utf-8").send(server.swagger({ yaml: true })));
}
