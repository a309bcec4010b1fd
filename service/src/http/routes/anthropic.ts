/** Anthropic's Messages API on the same models: messages, streamed and not, and the length of a prompt. */

import { randomUUID } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { ANTHROPIC_ERROR_SCHEMA, anthropicError } from "../../anthropic/errors.js";
import { MessageEvents, messageForm, type Shown } from "../../anthropic/form.js";
import { chatBody, promptBody, showsThoughts, takesSeveralCalls } from "../../anthropic/request.js";
import { COUNT_ANSWER, COUNT_SCHEMA, MESSAGE_ANSWER, MESSAGES_SCHEMA, type MessagesBody, type PromptBody } from "../../anthropic/schema.js";
import { specOf } from "../../models/catalog.js";
import { writerOf } from "../../models/unknown.js";
import { chatRequests } from "../../openai/chat-request.js";
import { Generations, type Run } from "../../openai/generations.js";
import { answers, MODEL_ERRORS, streamableAnswer } from "../answers.js";
import { statusOf } from "../errors.js";
import { EventStream } from "../event-stream.js";
import { signalOf } from "../gone.js";
import type { Routes } from "../routes.js";

async function stream(generations: Generations, run: Run, events: MessageEvents, requestId: string, reply: FastifyReply): Promise<void> {
    const out = new EventStream(reply);
    const send = (list: readonly { readonly type: string }[]): void => list.forEach((event) => out.send(event, event.type));
    try {
        const ran = await generations.run({
            ...run,
            onAdmitted: () => out.keepAlive(),
            onChunk: (_index, chunk, model) => send([...events.begin(model), ...events.piece(chunk)]),
        });
        const [answer] = ran.answers;
        if (answer !== undefined) {
            send([...events.begin(ran.model), ...events.end({ ...answer, usage: ran.usage })]);
        }
        out.close();
    } catch (thrown) {
        if (!out.begun) {
            out.abandon();
            throw thrown;
        }
        out.send(anthropicError(statusOf(thrown), thrown, requestId).body, "error");
        out.close();
    }
}

export const anthropicRoutes: Routes = (server, service) => {
    const generations = new Generations(service.models, service.scheduler, service.journal);
    const preHandler = (_request: FastifyRequest, _reply: FastifyReply, done: (fault?: Error) => void): void => done(service.refusal());
    const call = (summary: string, body: object, good: object): object => ({ tags: ["anthropic"], summary, body, response: answers(good, [...MODEL_ERRORS, 404], ANTHROPIC_ERROR_SCHEMA) });

    server.post<{ Body: MessagesBody }>(
        "/v1/messages",
        { preHandler, schema: call("The next message of a chat; with `stream` as server-sent events", MESSAGES_SCHEMA, streamableAnswer(MESSAGE_ANSWER)) },
        async (request, reply) => {
            const { body } = request;
            const id = `msg_${randomUUID().replaceAll("-", "")}`;
            const shown: Shown = { thoughts: showsThoughts(body), severalCalls: takesSeveralCalls(body) };
            const run: Run = {
                call: "/v1/messages",
                body,
                requestId: request.id,
                signal: signalOf(reply, service.cut),
                asked: async () => chatRequests(chatBody(body), service.defaultOptions),
                respond: ([answer], model, usage) => (answer === undefined ? {} : messageForm(id, model, { ...answer, usage }, shown)),
            };
            if (body.stream !== true) {
                return (await generations.run(run)).response;
            }
            await stream(generations, run, new MessageEvents(id, shown), request.id, reply);
            return reply;
        },
    );

    server.post<{ Body: PromptBody }>(
        "/v1/messages/count_tokens",
        { preHandler, schema: call("How many tokens a prompt has, with the model's template and the tools", COUNT_SCHEMA, COUNT_ANSWER) },
        async ({ body }, reply) => {
            const [asked] = await chatRequests(promptBody(body), service.defaultOptions);
            const model = await writerOf(service.models, body.model);
            if (asked === undefined) {
                return { input_tokens: 0 };
            }
            const finished = await service.scheduler.doText({ spec: specOf(model), task: { kind: "count", request: asked.request }, signal: signalOf(reply, service.cut) });
            if ("failure" in finished) {
                throw finished.failure;
            }
            return { input_tokens: finished.result.count };
        },
    );
};
