/** GET /v1/models: the models in OpenAI's form. */

import type { FastifyRequest } from "fastify";
import type { Model } from "../../models/catalog.js";
import { modelOf } from "../../models/unknown.js";
import { answers, OPENAI_ERROR_SCHEMA, PLAIN_ERRORS } from "../answers.js";
import type { Routes } from "../routes.js";

const MODEL = {
    type: "object",
    required: ["id", "object", "created", "owned_by", "kind"],
    properties: {
        id: { type: "string" },
        object: { type: "string", const: "model" },
        created: { type: "integer", description: "The file's time of change, seconds since the epoch" },
        owned_by: { type: "string" },
        kind: { type: "string", enum: ["chat", "embedding", "rerank"], description: "What it can be asked for; not of OpenAI's API" },
    },
} as const;

const MODELS = {
    type: "object",
    required: ["object", "data"],
    properties: { object: { type: "string", const: "list" }, data: { type: "array", items: MODEL } },
} as const;

const NAMED = { type: "object", required: ["model"], properties: { model: { type: "string", minLength: 1 } } } as const;

/** As Anthropic's clients read it: they name their version. */
function anthropicObject({ name, modifiedMs }: Model): object {
    return { type: "model", id: name, display_name: name, created_at: new Date(modifiedMs).toISOString() };
}

const isAnthropicClient = ({ headers }: FastifyRequest): boolean => headers["anthropic-version"] !== undefined;

function modelObject({ name, modifiedMs, facts }: Model): object {
    return { id: name, object: "model", created: Math.floor(modifiedMs / 1000), owned_by: "mentator", kind: facts.kind };
}

export const modelRoutes: Routes = (server, service) => {
    server.get(
        "/v1/models",
        { schema: { tags: ["openai"], summary: "Models that requests can name", response: answers(MODELS, PLAIN_ERRORS, OPENAI_ERROR_SCHEMA) } },
        (request) => {
            const models = service.models.list();
            if (isAnthropicClient(request)) {
                return { data: models.map(anthropicObject), has_more: false, first_id: models[0]?.name ?? null, last_id: models.at(-1)?.name ?? null };
            }
            return { object: "list", data: models.map(modelObject) };
        },
    );

    server.get<{ Params: { model: string } }>(
        "/v1/models/:model",
        { schema: { tags: ["openai"], summary: "One of them", params: NAMED, response: answers(MODEL, [...PLAIN_ERRORS, 404], OPENAI_ERROR_SCHEMA) } },
        async (request) => {
            const model = await modelOf(service.models, request.params.model);
            return isAnthropicClient(request) ? anthropicObject(model) : modelObject(model);
        },
    );
};
