/** Ollama's API on the same models: chats, texts and vectors. */

import type { FastifyReply, FastifyRequest } from "fastify";
import type { Embedded, Generated } from "../../engine/engine.js";
import { messageOf, ServiceError } from "../../errors.js";
import { specOf, type Wishes } from "../../models/catalog.js";
import { writerOf } from "../../models/unknown.js";
import { CHAT, endOf, headOf, type Kind, pieceOf, TEXT } from "../../ollama/form.js";
import { chatOf, defaultsOf, fileNameOf, generateOf, refuseUnsupported, wishesOf } from "../../ollama/request.js";
import { CHAT_SCHEMA, type ChatBody, DONE_SCHEMA, EMBED_SCHEMA, type EmbedBody, GENERATE_SCHEMA, type GenerateBody, OLD_EMBED_SCHEMA } from "../../ollama/schema.js";
import { chatRequests } from "../../openai/chat-request.js";
import { completionRequests } from "../../openai/completion-request.js";
import { Generations, type Run } from "../../openai/generations.js";
import { Embeddings } from "../../prompt/embeddings.js";
import { answers, linesAnswer, MODEL_ERRORS } from "../answers.js";
import { EventStream, type StreamForm } from "../event-stream.js";
import { signalOf } from "../gone.js";
import type { Routes } from "../routes.js";
import type { Service } from "../service.js";

/** Lines of JSON. A piece without a text keeps the connection alive. */
export function linesForm(pulse: () => object): StreamForm {
    return { type: "application/x-ndjson; charset=utf-8", frame: (data) => `${data}\n`, pulse: () => `${JSON.stringify(pulse())}\n` };
}

interface Call {
    readonly kind: Kind;
    readonly wishes: Wishes;
    /** Undefined: the model is only loaded. */
    readonly asked: Run["asked"] | undefined;
}

async function load(service: Service, model: string, { kind, wishes }: Call, signal: AbortSignal): Promise<object> {
    const found = await writerOf(service.models, fileNameOf(model));
    const finished = await service.scheduler.doText({ spec: specOf(found, wishes), task: { kind: "detokenize", tokens: [] }, signal });
    if ("failure" in finished) {
        throw finished.failure;
    }
    return { ...headOf(model, true), ...kind.text("", "", []), done_reason: "load" };
}

async function generate(service: Service, generations: Generations, request: FastifyRequest<{ Body: ChatBody }>, reply: FastifyReply, call: Call): Promise<unknown> {
    const began = performance.now();
    const { body } = request;
    const { kind, wishes, asked } = call;
    const signal = signalOf(reply, service.cut);
    if (asked === undefined) {
        return load(service, body.model, call, signal);
    }
    const thoughts = body.think !== false;
    const ended = (ran: { readonly answers: readonly Generated[]; readonly usage: Generated["usage"]; readonly duration: { readonly promptMsec: number; readonly queueMsec: number } }, whole: boolean): object => {
        const [answer] = ran.answers;
        if (answer === undefined) {
            throw new ServiceError(500, "There is no answer.");
        }
        return endOf(kind, body.model, { answer, usage: ran.usage, duration: ran.duration, totalMsec: performance.now() - began }, whole, thoughts);
    };
    const run: Run = {
        call: request.routeOptions.url ?? "",
        body: { ...body, model: fileNameOf(body.model) },
        wishes,
        requestId: request.id,
        signal,
        asked,
        respond: (all, _model, usage) => ended({ answers: all, usage, duration: { promptMsec: 0, queueMsec: 0 } }, true),
    };
    if (body.stream === false) {
        return ended(await generations.run(run), true);
    }
    const out = new EventStream(reply, linesForm(() => ({ ...headOf(body.model, false), ...kind.text("", "", []) })));
    const send = (line: object | undefined): void => (line === undefined ? undefined : out.send(line));
    try {
        send(ended(await generations.run({ ...run, onAdmitted: () => out.keepAlive(), onChunk: (_index, chunk) => send(pieceOf(kind, body.model, chunk, thoughts)) }), false));
        out.close();
    } catch (thrown) {
        if (!out.begun) {
            out.abandon();
            throw thrown;
        }
        out.send({ error: messageOf(thrown) });
        out.close();
    }
    return reply;
}

export const ollamaRoutes: Routes = (server, service) => {
    const generations = new Generations(service.models, service.scheduler, service.journal);
    const embeddings = new Embeddings(service.models, service.scheduler, service.journal);
    const preHandler = (_request: FastifyRequest, _reply: FastifyReply, done: (fault?: Error) => void): void => done(service.refusal());
    const schema = (summary: string, body: object, good: object): object => ({ tags: ["ollama"], summary, body, response: answers(good, [...MODEL_ERRORS, 404]) });

    server.post<{ Body: ChatBody }>("/api/chat", { preHandler, schema: schema("The next message of a chat", CHAT_SCHEMA, linesAnswer(DONE_SCHEMA)) }, async (request, reply) => {
        const { body } = request;
        const chat = chatOf(body);
        const asked = chat.messages.length === 0 ? undefined : async () => chatRequests(chat, defaultsOf(body, service.defaultOptions));
        return generate(service, generations, request, reply, { kind: CHAT, wishes: wishesOf(body), asked });
    });

    server.post<{ Body: GenerateBody }>("/api/generate", { preHandler, schema: schema("A text; without a prompt the model is loaded", GENERATE_SCHEMA, linesAnswer(DONE_SCHEMA)) }, async (request, reply) => {
        const { body } = request;
        const wanted = generateOf(body);
        const defaults = defaultsOf(body, service.defaultOptions);
        const asked = async (): Promise<ReturnType<typeof completionRequests>> => ("raw" in wanted ? completionRequests(wanted.raw, defaults) : chatRequests(wanted.chat, defaults));
        return generate(service, generations, request, reply, { kind: TEXT, wishes: wishesOf(body), asked: (body.prompt ?? "") === "" ? undefined : asked });
    });

    const embed = async (request: FastifyRequest, reply: FastifyReply, { model, input, dimensions, ...rest }: EmbedBody): Promise<{ readonly embedded: Embedded; readonly promptMsec: number }> => {
        refuseUnsupported(rest);
        const { done, error, duration } = await embeddings.embed({ call: request.routeOptions.url ?? "", model: fileNameOf(model), texts: [input].flat(), requestId: request.id, signal: signalOf(reply, service.cut) });
        if (done === undefined) {
            throw error ?? new Error("no vectors");
        }
        const length = done.embedded.vectors[0]?.length ?? 0;
        if (typeof dimensions === "number" && dimensions !== length) {
            throw new ServiceError(400, `${done.model} gives vectors of ${length} dimensions, not of ${dimensions}.`);
        }
        return { embedded: done.embedded, promptMsec: duration.promptMsec };
    };

    const VECTORS = { type: "object", required: ["embeddings"], properties: { model: { type: "string" }, embeddings: { type: "array", items: { type: "array", items: { type: "number" } } } } };
    server.post<{ Body: EmbedBody }>("/api/embed", { preHandler, schema: schema("Texts' vectors", EMBED_SCHEMA, VECTORS) }, async (request, reply) => {
        const began = performance.now();
        const { embedded } = await embed(request, reply, request.body);
        const nano = Math.round((performance.now() - began) * 1_000_000);
        return { model: request.body.model, embeddings: embedded.vectors, total_duration: nano, prompt_eval_count: embedded.tokens };
    });

    const VECTOR = { type: "object", required: ["embedding"], properties: { embedding: { type: "array", items: { type: "number" } } } };
    server.post<{ Body: { model: string; prompt: string } }>("/api/embeddings", { preHandler, schema: schema("A text's vector, as older clients ask for it", OLD_EMBED_SCHEMA, VECTOR) }, async (request, reply) => {
        const { prompt, ...rest } = request.body;
        const { embedded } = await embed(request, reply, { ...rest, input: prompt });
        return { embedding: embedded.vectors[0] ?? [] };
    });
};
