/** The OpenAI-compatible API: chat and completions, streamed and not. */

import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Generated, Usage } from "../../engine/engine.js";
import { chatRequests } from "../../openai/chat-request.js";
import { CHAT_ANSWER, CHAT_SCHEMA, type ChatBody } from "../../openai/chat-schema.js";
import { completionRequests, promptsToEcho } from "../../openai/completion-request.js";
import { COMPLETION_ANSWER, COMPLETION_SCHEMA, type CompletionBody } from "../../openai/completion-schema.js";
import { openAiError } from "../../openai/errors.js";
import { CHAT_PIECES, chatForm, completionForm, completionPieces, type Head, type Pieces, usageForm } from "../../openai/form.js";
import { Generations, type Run } from "../../openai/generations.js";
import type { Control } from "../../openai/shared-schema.js";
import { answers, MODEL_ERRORS, OPENAI_ERROR_SCHEMA, streamableAnswer } from "../answers.js";
import { statusOf } from "../errors.js";
import { EventStream } from "../event-stream.js";
import { signalOf } from "../gone.js";
import type { Routes } from "../routes.js";

/** How chat and completions differ. */
interface Kind {
    readonly object: string;
    readonly prefix: string;
    readonly asked: Run["asked"];
    readonly pieces: Pieces;
    readonly form: (head: Head, model: string, answers: readonly Generated[], usage: Usage) => object;
}

async function stream(generations: Generations, run: Run, kind: Kind, head: Head, withUsage: boolean, reply: FastifyReply): Promise<void> {
    const events = new EventStream(reply);
    const begun = new Set<number>();
    /** Answers whose calls came in pieces. */
    const called = new Set<number>();
    const send = (model: string, choices: object[], usage: object | null = null): void =>
        events.send({ id: head.id, object: kind.object, created: head.created, model, choices, ...(withUsage ? { usage } : {}) });
    const begin = (index: number, model: string): void => {
        if (!begun.has(index)) {
            begun.add(index);
            send(model, [kind.pieces.begin(index)]);
        }
    };
    try {
        const ran = await generations.run({
            ...run,
            onAdmitted: () => events.keepAlive(),
            onChunk: (index, chunk, model) => {
                begin(index, model);
                if (chunk.kind === "call") {
                    called.add(index);
                }
                const piece = chunk.text === "" && chunk.call === undefined ? undefined : kind.pieces.piece(index, chunk);
                if (piece !== undefined) {
                    send(model, [piece]);
                }
            },
        });
        const { model, usage } = ran;
        ran.answers.forEach((answer, index) => {
            begin(index, model);
            kind.pieces.end(index, answer, called.has(index)).forEach((piece) => send(model, [piece]));
        });
        if (withUsage) {
            send(model, [], usageForm(usage));
        }
        events.done();
    } catch (thrown) {
        if (!events.begun) {
            events.abandon();
            throw thrown;
        }
        events.fail(openAiError(statusOf(thrown), thrown).body);
    }
}

async function answer(generations: Generations, cut: AbortSignal, request: FastifyRequest, reply: FastifyReply, kind: Kind): Promise<unknown> {
    const body = request.body as Control;
    const head: Head = { id: `${kind.prefix}-${randomUUID()}`, created: Math.floor(Date.now() / 1000) };
    const run: Run = {
        call: request.routeOptions.url ?? "",
        body,
        requestId: request.id,
        signal: signalOf(reply, cut),
        asked: kind.asked,
        respond: (all, model, usage) => kind.form(head, model, all, usage),
    };
    if (body.stream !== true) {
        return (await generations.run(run)).response;
    }
    await stream(generations, run, kind, head, body.stream_options?.include_usage === true, reply);
    return reply;
}

function call(summary: string, body: object, good: object): object {
    return { tags: ["openai"], summary, body, response: answers(streamableAnswer(good), [...MODEL_ERRORS, 404], OPENAI_ERROR_SCHEMA) };
}

export const openAiRoutes: Routes = (server: FastifyInstance, service) => {
    const generations = new Generations(service.models, service.scheduler, service.journal);
    const preHandler = (_request: FastifyRequest, _reply: FastifyReply, done: (fault?: Error) => void): void => done(service.refusal());

    server.post<{ Body: ChatBody }>(
        "/v1/chat/completions",
        { preHandler, schema: call("The next message of a chat; with `stream` as server-sent events", CHAT_SCHEMA, CHAT_ANSWER) },
        async (request, reply) =>
            answer(generations, service.cut, request, reply, {
                object: "chat.completion.chunk",
                prefix: "chatcmpl",
                asked: () => chatRequests(request.body, service.defaultOptions),
                pieces: CHAT_PIECES,
                form: chatForm,
            }),
    );

    server.post<{ Body: CompletionBody }>(
        "/v1/completions",
        { preHandler, schema: call("The continuation of a text; with `stream` as server-sent events", COMPLETION_SCHEMA, COMPLETION_ANSWER) },
        async (request, reply) => {
            const texts = promptsToEcho(request.body);
            return answer(generations, service.cut, request, reply, {
                object: "text_completion",
                prefix: "cmpl",
                asked: () => completionRequests(request.body, service.defaultOptions),
                pieces: completionPieces(texts),
                form: (head, model, all, usage) => completionForm(head, model, all, usage, texts),
            });
        },
    );
};
