/** What the tokenizer and the template of a model make of a text, in the form of llama.cpp's server. */

import type { FastifyReply, FastifyRequest } from "fastify";
import type { TextDone, TextTask } from "../../engine/engine.js";
import { badRequest } from "../../errors.js";
import { specOf } from "../../models/catalog.js";
import { writerOf } from "../../models/unknown.js";
import { chatRequests } from "../../openai/chat-request.js";
import { CHAT_SCHEMA, type ChatBody } from "../../openai/chat-schema.js";
import { answers, MODEL_ERRORS } from "../answers.js";
import { signalOf } from "../gone.js";
import type { Routes } from "../routes.js";
import type { Service } from "../service.js";

interface Named {
    readonly model?: string | null;
}

/** The first of these that is there: the named one, the one that was used last, the only one. @throws ServiceError 400 */
function nameOf({ engine, models }: Service, { model }: Named): string {
    const list = models.list().filter(({ facts }) => facts.kind === "chat");
    const name = model ?? engine.current?.spec.name ?? (list.length === 1 ? list[0]?.name : undefined);
    if (name === undefined) {
        throw badRequest(`model is needed: one of ${list.map((one) => one.name).join(", ") || "none, as there are no models"}.`);
    }
    return name;
}

const MODEL = { type: ["string", "null"], minLength: 1, description: "Absent: the model that was used last, or the only one" } as const;
const TOKEN = { type: "integer", minimum: 0, maximum: 2_147_483_647 } as const;

const TOKENIZE = {
    type: "object",
    required: ["content"],
    properties: {
        model: MODEL,
        content: { type: "string" },
        add_special: { type: ["boolean", "null"], description: "With the token that begins a text, where the model has one" },
        parse_special: { type: ["boolean", "null"], description: "Texts of special tokens become these; true by default" },
        with_pieces: { type: ["boolean", "null"], description: "Each token with its text" },
    },
} as const;

const DETOKENIZE = { type: "object", required: ["tokens"], properties: { model: MODEL, tokens: { type: "array", items: TOKEN } } } as const;

const APPLY = { type: "object", required: ["messages"], properties: { model: MODEL, messages: CHAT_SCHEMA.properties.messages, tools: CHAT_SCHEMA.properties.tools, tool_choice: CHAT_SCHEMA.properties.tool_choice } } as const;

interface Tokenize extends Named {
    readonly content: string;
    readonly add_special?: boolean | null;
    readonly parse_special?: boolean | null;
    readonly with_pieces?: boolean | null;
}

export const textRoutes: Routes = (server, service) => {
    const preHandler = (_request: FastifyRequest, _reply: FastifyReply, done: (fault?: Error) => void): void => done(service.refusal());
    const schema = (summary: string, body: object, properties: object): object => ({ tags: ["text"], summary, body, response: answers({ type: "object", properties }, MODEL_ERRORS) });
    const run = async (body: Named, reply: FastifyReply, task: TextTask): Promise<TextDone> => {
        const model = await writerOf(service.models, nameOf(service, body));
        const finished = await service.scheduler.doText({ spec: specOf(model), task, signal: signalOf(reply, service.cut) });
        if ("failure" in finished) {
            throw finished.failure;
        }
        return finished.result;
    };

    server.post<{ Body: Tokenize }>("/tokenize", { preHandler, schema: schema("A text as tokens", TOKENIZE, { tokens: { type: "array" } }) }, async ({ body }, reply) => {
        const { content, add_special: begin, parse_special: special, with_pieces: pieces } = body;
        const done = await run(body, reply, { kind: "tokenize", text: content, special: special !== false, begin: begin === true, pieces: pieces === true });
        const { tokens = [], pieces: texts } = done;
        return { tokens: texts === undefined ? tokens : tokens.map((id, index) => ({ id, piece: texts[index] ?? "" })) };
    });

    server.post<{ Body: Named & { readonly tokens: readonly number[] } }>("/detokenize", { preHandler, schema: schema("Tokens as a text", DETOKENIZE, { content: { type: "string" } }) }, async ({ body }, reply) => {
        const { text = "" } = await run(body, reply, { kind: "detokenize", tokens: body.tokens });
        return { content: text };
    });

    server.post<{ Body: ChatBody }>("/apply-template", { preHandler, schema: schema("A chat as the prompt that the model reads", APPLY, { prompt: { type: "string" } }) }, async ({ body }, reply) => {
        const [asked] = await chatRequests(body, service.defaultOptions);
        const { text = "" } = asked === undefined ? {} : await run(body, reply, { kind: "layOut", request: asked.request });
        return { prompt: text };
    });
};
