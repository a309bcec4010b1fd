/** GET /v1/models: the models in OpenAI's form. */

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

function modelObject({ name, modifiedMs, facts }: Model): object {
    return { id: name, object: "model", created: Math.floor(modifiedMs / 1000), owned_by: "mentator", kind: facts.kind };
}

export const modelRoutes: Routes = (server, service) => {
    server.get(
        "/v1/models",
        { schema: { tags: ["openai"], summary: "Models that requests can name", response: answers(MODELS, PLAIN_ERRORS, OPENAI_ERROR_SCHEMA) } },
        () => ({ object: "list", data: service.models.list().map(modelObject) }),
    );

    server.get<{ Params: { model: string } }>(
        "/v1/models/:model",
        { schema: { tags: ["openai"], summary: "One of them", params: NAMED, response: answers(MODEL, [...PLAIN_ERRORS, 404], OPENAI_ERROR_SCHEMA) } },
        async ({ params }) => modelObject(await modelOf(service.models, params.model)),
    );
};
