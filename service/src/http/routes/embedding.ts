/** POST /embedding, and OpenAI's call for the same. */

import { embeddingForm } from "../../openai/embedding-form.js";
import { EMBEDDING_ANSWER, EMBEDDING_SCHEMA, type EmbeddingBody } from "../../openai/embedding-schema.js";
import { ParameterFault } from "../../openai/errors.js";
import { Embeddings } from "../../prompt/embeddings.js";
import { answers, MODEL_ERRORS, OPENAI_ERROR_SCHEMA, TIMED_ERROR_SCHEMA, timedAnswer } from "../answers.js";
import { sendError } from "../errors.js";
import { signalOf } from "../gone.js";
import type { Routes } from "../routes.js";

interface Body {
    readonly model: string;
    readonly gpulayer?: number | null;
    readonly message: string;
}

const BODY = {
    type: "object",
    required: ["model", "message"],
    properties: {
        model: { type: "string", minLength: 1 },
        gpulayer: { type: ["integer", "null"], minimum: 0, description: "Layers on the GPU; 0: CPU" },
        message: { type: "string", minLength: 1 },
    },
} as const;

const ANSWER = timedAnswer(["loadModelStatus", "data"], { data: { type: "array", items: { type: "number" } } });

export const embeddingRoutes: Routes = (server, service) => {
    const embeddings = new Embeddings(service.models, service.scheduler, service.journal);

    server.post<{ Body: Body }>(
        "/embedding",
        { schema: { tags: ["prompt"], summary: "A text's vector", body: BODY, response: answers(ANSWER, MODEL_ERRORS, TIMED_ERROR_SCHEMA) } },
        async (request, reply) => {
            const refusal = service.refusal();
            if (refusal !== undefined) {
                throw refusal;
            }
            const { model, gpulayer, message } = request.body;
            const { duration, done, error } = await embeddings.embed({
                call: "/embedding",
                model,
                ...(gpulayer === undefined ? {} : { gpulayer }),
                texts: [message],
                requestId: request.id,
                signal: signalOf(reply, service.cut),
            });
            if (done === undefined) {
                return sendError(request, reply, error, duration);
            }
            return { duration, result: { loadModelStatus: done.loadModelStatus, data: done.embedded.vectors[0] ?? [] } };
        },
    );

    server.post<{ Body: EmbeddingBody }>(
        "/v1/embeddings",
        {
            schema: {
                tags: ["openai"],
                summary: "Texts' vectors",
                body: EMBEDDING_SCHEMA,
                response: answers(EMBEDDING_ANSWER, [...MODEL_ERRORS, 404], OPENAI_ERROR_SCHEMA),
            },
        },
        async (request, reply) => {
            const refusal = service.refusal();
            if (refusal !== undefined) {
                throw refusal;
            }
            const { model, input, encoding_format: format, dimensions } = request.body;
            const { done, error } = await embeddings.embed({
                call: "/v1/embeddings",
                model,
                texts: [input].flat(),
                requestId: request.id,
                signal: signalOf(reply, service.cut),
            });
            if (done === undefined) {
                throw error ?? new Error("no vectors");
            }
            const { vectors, tokens } = done.embedded;
            const length = vectors[0]?.length ?? 0;
            if (typeof dimensions === "number" && dimensions !== length) {
                throw new ParameterFault("dimensions", `${done.model} gives vectors of ${length} dimensions, not of ${dimensions}.`);
            }
            return embeddingForm(done.model, vectors, tokens, format === "base64");
        },
    );
};
