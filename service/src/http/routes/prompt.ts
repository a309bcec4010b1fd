/** POST /prompt. */

import { PROMPT_SCHEMA, type PromptRequest } from "../../prompt/request.js";
import { answers, MODEL_ERRORS, TIMED_ERROR_SCHEMA, timedAnswer } from "../answers.js";
import { sendError } from "../errors.js";
import { signalOf } from "../gone.js";
import type { Routes } from "../routes.js";

const ANSWER = timedAnswer(["loadModelStatus", "data"], {
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
});

export const promptRoutes: Routes = (server, service) => {
    const schema = {
        tags: ["prompt"],
        summary: "One prompt, one answer",
        body: PROMPT_SCHEMA,
        response: answers(ANSWER, MODEL_ERRORS, TIMED_ERROR_SCHEMA),
    };
    server.post<{ Body: PromptRequest }>("/prompt", { schema }, async (request, reply) => {
        const refusal = service.refusal();
        if (refusal !== undefined) {
            throw refusal;
        }
        const { result, duration, error } = await service.prompts.answer(request.body, request.id, signalOf(reply, service.cut));
        return error === undefined ? { duration, result } : sendError(request, reply, error, duration);
    });
};
