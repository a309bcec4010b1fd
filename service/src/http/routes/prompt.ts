/** POST /prompt. */

import { clientGone, shuttingDown } from "../../errors.js";
import { PROMPT_SCHEMA, type PromptRequest } from "../../prompt/request.js";
import { sendError } from "../errors.js";
import type { Routes } from "../server.js";

export const promptRoutes: Routes = (server, service) => {
    server.post<{ Body: PromptRequest }>("/prompt", { schema: { body: PROMPT_SCHEMA } }, async (request, reply) => {
        if (service.stopping()) {
            throw shuttingDown();
        }
        const gone = new AbortController();
        reply.raw.once("close", () => {
            // Also emitted after a complete answer, when nothing is left to stop.
            gone.abort(clientGone());
        });
        const { result, duration, error } = await service.prompts.answer(request.body, gone.signal);
        return error === undefined ? { duration, result } : sendError(request, reply, error, duration);
    });
};
