/** POST /prompt. */

import { clientGone, shuttingDown } from "../../errors.js";
import { PROMPT_SCHEMA, type PromptRequest } from "../../prompt/request.js";
import { answers, DURATION_SCHEMA, MODEL_ERRORS, TIMED_ERROR_SCHEMA } from "../answers.js";
import { sendError } from "../errors.js";
import type { Routes } from "../server.js";

const ANSWER = {
    type: "object",
    required: ["duration", "result"],
    properties: {
        duration: DURATION_SCHEMA,
        result: {
            type: "object",
            required: ["loadModelStatus", "data"],
            properties: {
                loadModelStatus: { type: "string", enum: ["load", "exists"] },
                usedTools: { type: "array", items: { type: "string" } },
                data: { description: "A text, or with `format` the parsed JSON" },
                usage: {
                    type: "object",
                    properties: {
                        promptTokens: { type: "integer" },
                        cachedTokens: { type: "integer", description: "Of these, not computed again" },
                        completionTokens: { type: "integer" },
                        tokensPerSecond: { type: "number" },
                        firstTokenMsec: { type: "number" },
                    },
                },
            },
        },
    },
} as const;

export const promptRoutes: Routes = (server, service) => {
    const schema = {
        tags: ["prompt"],
        summary: "One prompt, one answer",
        body: PROMPT_SCHEMA,
        response: answers(ANSWER, MODEL_ERRORS, TIMED_ERROR_SCHEMA),
    };
    server.post<{ Body: PromptRequest }>("/prompt", { schema }, async (request, reply) => {
        if (service.stopping()) {
            throw shuttingDown();
        }
        const gone = new AbortController();
        reply.raw.once("close", () => {
            // Also emitted after a complete answer, when nothing is left to stop.
            gone.abort(clientGone());
        });
        const { result, duration, error } = await service.prompts.answer(request.body, request.id, gone.signal);
        return error === undefined ? { duration, result } : sendError(request, reply, error, duration);
    });
};
