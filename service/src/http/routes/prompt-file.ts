/** POST /helper/prompt/*: prompts as one text, and back. */

import { type PromptParts, promptsFromText, textFromPrompts } from "../../prompt/prompt-file.js";
import { answers, BODY_ERRORS, textAnswer } from "../answers.js";
import type { Routes } from "../routes.js";

const TEXT = { type: "string" } as const;

const PROMPT_PARTS = {
    type: "object",
    required: ["user"],
    properties: {
        llm: { type: "object", properties: { url: TEXT, model: TEXT, gpulayer: { type: "number" } } },
        options: { type: "object" },
        system: TEXT,
        user: TEXT,
        jsonresponse: TEXT,
        segment: { type: "object", additionalProperties: TEXT },
        tool: { type: "array", items: { type: "object", required: ["name"], properties: { name: TEXT, lang: TEXT, code: TEXT } } },
    },
} as const;

export const promptFileRoutes: Routes = (server) => {
    server.post<{ Body: { content: string } }>(
        "/helper/prompt/fromstring",
        {
            schema: {
                tags: ["check"],
                summary: "The prompts of a text with `$$begin`, `$$user` and so on",
                body: { type: "object", required: ["content"], properties: { content: TEXT } },
                response: answers({ type: "array", items: PROMPT_PARTS }, BODY_ERRORS),
            },
        },
        ({ body }) => promptsFromText(body.content),
    );

    server.post<{ Body: { prompts: PromptParts[] } }>(
        "/helper/prompt/tostring",
        {
            schema: {
                tags: ["check"],
                summary: "Prompts as one text",
                body: { type: "object", required: ["prompts"], properties: { prompts: { type: "array", items: PROMPT_PARTS } } },
                response: answers(textAnswer("The text"), BODY_ERRORS),
            },
        },
        ({ body }, reply) => reply.type("text/plain; charset=utf-8").send(textFromPrompts(body.prompts)),
    );
};
